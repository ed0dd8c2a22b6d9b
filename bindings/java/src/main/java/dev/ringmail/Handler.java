package dev.ringmail;

/** Handles the messages of one type. What leaves it is told to the host, and ends the peer. */
@FunctionalInterface
public interface Handler {
  /** @param mail good until this returns */
  void handle(Mail mail) throws Exception;
}
