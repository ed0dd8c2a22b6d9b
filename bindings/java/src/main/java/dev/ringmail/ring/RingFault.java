package dev.ringmail.ring;

/** What the other side did that ends the link. */
public enum RingFault {
  SEQUENCE_GAP("a frame has another sequence than is due"),
  UNKNOWN_KIND("a frame is of an unknown kind"),
  FRAME_TOO_LONG("a frame is longer than half the ring"),
  FRAME_PAST_END("a frame reaches past the end of the ring"),
  PADDING_LENGTH("padding does not reach the end of the ring"),
  CURSOR_UNALIGNED("a cursor is not where a frame can start"),
  CURSOR_BACKWARDS("a cursor went backwards"),
  CURSOR_PAST_TAIL("a cursor is past what was written"),
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
