package dev.ringmail;

import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.SimpleFormatter;

/**
 * Writes into the host's log what java.util.logging is given, which is where System.Logger leads as well: {@code
 * Logger.getLogger("").addHandler(new LogHandler(peer))}. The message is written with its parameters and the stack
 * trace of what was thrown; the host adds time, level and the peer's name.
 */
public final class LogHandler extends Handler {
  private final Peer peer;

  public LogHandler(Peer peer) {
    this.peer = peer;
    setFormatter(
        new Formatter() {
          private final Formatter whole = new SimpleFormatter();

          @Override
          public String format(LogRecord record) {
            String message = whole.formatMessage(record);
            Throwable thrown = record.getThrown();
            return thrown == null ? message : message + "\n" + Peer.traceOf(thrown).stripTrailing();
          }
        });
  }

  @Override
  public void publish(LogRecord record) {
    if (!isLoggable(record)) return;
    try {
      peer.log(level(record.getLevel()), getFormatter().format(record));
    } catch (RuntimeException e) {
      reportError(null, e, java.util.logging.ErrorManager.WRITE_FAILURE);
    }
  }

  private static System.Logger.Level level(Level level) {
    int value = level.intValue();
    if (value >= Level.SEVERE.intValue()) return System.Logger.Level.ERROR;
    if (value >= Level.WARNING.intValue()) return System.Logger.Level.WARNING;
    if (value >= Level.CONFIG.intValue()) return System.Logger.Level.INFO;
    return value >= Level.FINE.intValue() ? System.Logger.Level.DEBUG : System.Logger.Level.TRACE;
  }

  @Override
  public void flush() {
    // Nothing waits here.
  }

  @Override
  public void close() {
    // The peer goes on.
  }
}
