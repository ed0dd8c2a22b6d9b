// With the Java module and messages that `ringmail gen --lang java` has written.
import averaging.Averaging;
import averaging.Averaging.Get;
import averaging.Averaging.Mean;
import averaging.Averaging.Sample;
import dev.ringmail.Peer;
import dev.ringmail.PeerOptions;

final class Averager extends Averaging.Averager {
  private final Mean mean = new Mean();
  private long samples;
  private double sum;

  public static void main(String[] arguments) throws InterruptedException {
    try (Peer peer = Peer.attach(new PeerOptions().schema(Averaging.SCHEMA))) {
      Averager averager = new Averager();
      peer.serve(averager::accepts, averager::dispatch);
      peer.run();
    }
  }

  @Override
  protected void on(Sample sample) {
    samples++;
    sum += sample.value();
  }

  @Override
  protected Mean on(Get get) {
    return mean.samples(samples).value(sum / Math.max(samples, 1));
  }
}
