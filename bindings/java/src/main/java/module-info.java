/** A Java process as a peer of a Ringmail system. */
module dev.ringmail {
  requires transitive java.logging;

  exports dev.ringmail;
}
