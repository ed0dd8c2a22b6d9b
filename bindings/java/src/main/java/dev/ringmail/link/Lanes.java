package dev.ringmail.link;

import java.util.Arrays;

/** The lanes of a link, those to other peers included. One thread. */
final class Lanes {
  private static final int HOST = 0;
  private static final Lane[] NONE = {};

  private Lane[] all;

  Lanes(Lane[] ofTheHost) {
    all = ofTheHost;
  }

  /** To be looked at, in any order. It is another array when a lane was added. */
  Lane[] all() {
    return all;
  }

  /** None is there any more. */
  void leave() {
    for (Lane lane : all) lane.leave();
    all = NONE;
  }

  void join(Lane[] ofTheHost) {
    all = ofTheHost;
  }

  boolean isEmpty() {
    return all.length == 0;
  }

  /** Whether the host has said stop. */
  boolean isStopping() {
    for (Lane lane : all) {
      if (!lane.isToPeer() && lane.isStopping()) return true;
    }
    return false;
  }

  void add(Lane lane) {
    all = Arrays.copyOf(all, all.length + 1);
    all[all.length - 1] = lane;
    if (all[HOST].isStopping()) lane.stopReading();
  }

  /** Null if there is none: of an introduction that failed there is no lane. */
  Lane of(long number) {
    if (number < all.length && all[(int) number].number == number) return all[(int) number];
    for (Lane lane : all) {
      if (lane.number == number) return lane;
    }
    return null;
  }

  /** What other peers have sent so far is read, and no more. */
  void stopReadingPeers() {
    for (Lane lane : all) {
      if (lane.isToPeer()) lane.stopReading();
    }
  }

  void storeCursors() {
    for (Lane lane : all) lane.storeCursors();
  }

  /** But for that of one lane, if it is not null. */
  void publishAllBut(Lane kept) {
    for (Lane lane : all) {
      if (lane != kept) lane.publish();
    }
  }
}
