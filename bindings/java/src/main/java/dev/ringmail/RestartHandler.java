package dev.ringmail;

/** Is told that the host has died, and that another one has come in its place. What leaves it is told to that one, and ends the peer. */
@FunctionalInterface
public interface RestartHandler {
  /**
   * @param unread how many messages of this peer the dead host had not read, which are lost; 0 if the host had it outlive itself, for then
   *     the next one gets them
   */
  void handle(long unread) throws Exception;
}
