/** A Java process as a peer of a Ringmail system. */
module dev.ringmail {
  exports dev.ringmail;
}
