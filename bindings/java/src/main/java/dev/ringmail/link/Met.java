package dev.ringmail.link;

import dev.ringmail.ring.RingSurvey;
import java.nio.ByteBuffer;

/**
 * Another peer, to whom a lane leads.
 *
 * @param mailData where its mail to this one lies
 * @param mailConsumer this side's block of it
 */
record Met(String name, ByteBuffer mailData, ByteBuffer mailConsumer) {
  /** Where its mail to this peer ends now. */
  long endOfMail() {
    RingSurvey left = RingSurvey.of(mailData, mailConsumer);
    return left == null ? 0 : left.tail();
  }
}
