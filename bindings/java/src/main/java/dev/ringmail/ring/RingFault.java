package dev.ringmail.ring;

/** What the other side did that ends the link. */
public enum RingFault {
  SEQUENCE_GAP("a frame is out of sequence"),
  UNKNOWN_KIND("a frame has an unknown kind"),
  FRAME_TOO_LONG("a frame is longer than half the ring"),
  FRAME_PAST_END("a frame reaches past the end of the ring"),
  PADDING_LENGTH("a padding frame does not end where the ring ends"),
  CURSOR_UNALIGNED("the cursor is not on a frame boundary"),
  CURSOR_BACKWARDS("the cursor moved backwards"),
  CURSOR_PAST_TAIL("the cursor is past the last published frame"),
  BODY_NOT_DESCRIBED("a message with a body does not say where it is"),
  BODY_PAST_END("a body reaches past the end of its arena"),
  BODY_SENT_TWICE("a body was sent again before it was given back"),
  BODY_RETURNED_WRONGLY("a body was given back that was not sent");

  private final String text;

  RingFault(String text) {
    this.text = text;
  }

  @Override
  public String toString() {
    return text;
  }
}
