package dev.ringmail;

/** Is told of the end of an actor. What leaves it is told to the host, and ends the peer. */
@FunctionalInterface
public interface DownHandler {
  void handle(Down down) throws Exception;
}
