#pragma once

#include <string_view>

namespace ringmail::tools {

// What the classes of a module share. All of it is exported, so that no linter calls it unused.
inline constexpr std::string_view ts_prelude = R"ts(
// A name that starts with a $ is no field's and no message's.

/** Where the bytes of a message lie: `view` to read them, `target` to write them, `bytes` to hand them out. */
export interface $Memory {
  readonly view: DataView;
  readonly target: DataView;
  readonly bytes: Uint8Array;
}

/** What a message can be made from: its fields, each as it is or as what that can be made from. Those not given are zero. */
export type $Fields<M> = { readonly [K in keyof M as K extends `$${string}` ? never : K]?: $Given<M[K]> };
export type $Given<V> = V extends string | number | bigint | boolean
  ? V
  : V extends { readonly $memory: $Memory }
    ? V | $Fields<V>
    : V extends Iterable<infer E>
      ? Iterable<$Given<E>>
      : never;

export function $over(bytes: Uint8Array): $Memory {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { view, target: view, bytes };
}

/** What a number of that range can be, or a RangeError. */
export function $integer(value: number, least: number, most: number, what: string): number {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${what} cannot be ${value}: it is ${least} to ${most}`);
  }
  return value;
}
export function $bigint(value: bigint, wrapped: bigint, what: string): bigint {
  if (value !== wrapped) throw new RangeError(`${what} cannot be ${value}: it has 64 bits`);
  return value;
}

const $decoder = new TextDecoder();
const $encoder = new TextEncoder();

/** The text ends at the first zero byte, or at `length`. */
export function $readText(view: DataView, at: number, length: number): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, length);
  const end = bytes.indexOf(0);
  return $decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}
/** What does not fit is cut off between two characters, never inside one. */
export function $writeText(target: DataView, at: number, length: number, text: string): void {
  const end = text.indexOf("\0");
  $encoder.encodeInto(end < 0 ? text : text.slice(0, end), $cleared(target, at, length));
}

export function $cleared(target: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(target.buffer, target.byteOffset + at, length).fill(0);
}
export function $copyBytes(from: $Memory, at: number, to: $Memory, toAt: number, length: number): void {
  const { view } = from;
  const { target } = to;
  new Uint8Array(target.buffer, target.byteOffset + toAt, length).set(
    new Uint8Array(view.buffer, view.byteOffset + at, length),
  );
}

export function $each<E>(count: number, read: (i: number) => E): E[] {
  return Array.from({ length: count }, (_, i) => read(i));
}
/** Elements that are not given become zero. */
export function $setEach<E>(
  target: DataView,
  at: number,
  size: number,
  count: number,
  values: Iterable<E>,
  what: string,
  write: (value: E, at: number) => void,
): void {
  // A message may be one of those that are about to be overwritten.
  const list = Array.from(values, (value) => (value instanceof Object && "$copy" in value ? (value.$copy as () => E)() : value));
  if (list.length > count) throw new RangeError(`${what} has ${count} elements, and ${list.length} were given`);
  $cleared(target, at + list.length * size, (count - list.length) * size);
  list.forEach((value, i) => write(value, at + i * size));
}
)ts";

}  // namespace ringmail::tools
