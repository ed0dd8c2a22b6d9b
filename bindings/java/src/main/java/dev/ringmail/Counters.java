package dev.ringmail;

/**
 * What a peer has done.
 *
 * @param received messages that were finished; replies are not counted
 * @param sent messages that were published; replies are not counted
 * @param dropped messages for which there was no handler
 * @param sleeps times that the peer went to sleep
 * @param lostWakeups must be 0
 */
public record Counters(long received, long sent, long dropped, long sleeps, long lostWakeups) {}
