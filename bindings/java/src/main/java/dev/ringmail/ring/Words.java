package dev.ringmail.ring;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Atomic access to the words of shared memory. The volatile modes are sequentially consistent, which is what docs/spec/ring.md
 * calls ordered; the opaque ones are a single access and nothing more. A word must lie at a multiple of its size.
 */
public final class Words {
  public static final VarHandle LONG = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  public static final VarHandle INT = MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  private Words() {}
}
