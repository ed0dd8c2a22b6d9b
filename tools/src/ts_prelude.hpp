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
  /** Of memory that is a message's own: other bytes, when its content has another length. */
  become?(bytes: Uint8Array): void;
}

/** What a message can be made from: its fields, each as it is or as what that can be made from. Those not given have their defaults. */
export type $Fields<M> = { readonly [K in keyof M as K extends `$${string}` ? never : K]?: $Given<M[K]> };
export type $Given<V> = V extends string | number | bigint | boolean | null
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

// What a module has besides, if a message of it has appended fields or content of variable length.
inline constexpr std::string_view ts_growing_prelude = R"ts(
/** What is known of a message whose length is not always the same. */
export interface $Growing {
  readonly $name: string;
  readonly $size: number;
  /** The sizes that it had before fields were appended. */
  readonly $earlier: readonly number[];
  /** Where its fixed size stands, if it has content of variable length. */
  readonly $fixedSizeAt?: number;
  /** Of content: where the reference is, size and alignment of an element, where the byte of a ? is, or 0. */
  readonly $contents?: readonly (readonly [number, number, number, number])[];
}

/** How much of the fixed part was sent; -1: these bytes are none. */
export function $sentSize(view: DataView, at: number, { $size, $earlier, $fixedSizeAt: place }: $Growing): number {
  const length = view.byteLength - at;
  const isSize = (size: number) => size >= $size || $earlier.includes(size);
  if (place === undefined || (length <= place && isSize(length))) return isSize(length) ? length : -1;
  const size = length < place + 4 ? 0 : view.getUint32(at + place, true);
  return size > place && size <= length && isSize(size) ? size : -1;
}

export class $Own implements $Memory {
  view: DataView;
  bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  get target(): DataView {
    return this.view;
  }
  become(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

/** Where the content of the reference at `at` is, which must be in the message. */
export function $content(view: DataView, at: number, size: number): { at: number; count: number } {
  const start = view.getUint32(at, true);
  const count = view.getUint32(at + 4, true);
  if (count === 0) return { at: 0, count };
  if (start + count * size > view.byteLength) throw new RangeError(`${count} elements of ${size} bytes are not in their message`);
  return { at: start, count };
}
export function $isContent(
  view: DataView, sent: number, at: number, size: number, align: number, isElement?: (at: number) => boolean,
): boolean {
  const start = view.getUint32(at, true);
  const count = view.getUint32(at + 4, true);
  if (count === 0) return true;
  if (start % align !== 0 || start < sent || start + count * size > view.byteLength) return false;
  if (isElement !== undefined) for (let i = 0; i < count; ++i) if (!isElement(start + i * size)) return false;
  return true;
}

export function $text({ view }: $Memory, at: number): string {
  const content = $content(view, at, 1);
  return $decoder.decode(new Uint8Array(view.buffer, view.byteOffset + content.at, content.count));
}
/** A typed array over the same bytes; a copy where they are not aligned. */
export function $numbers<A>(
  { view, bytes }: $Memory, at: number,
  type: { new (buffer: ArrayBufferLike, offset: number, count: number): A; readonly BYTES_PER_ELEMENT: number },
): A {
  const size = type.BYTES_PER_ELEMENT;
  const content = $content(view, at, size);
  const start = bytes.byteOffset + content.at;
  if (content.count !== 0 && start % size === 0) return new type(bytes.buffer, start, content.count);
  return new type(bytes.slice(content.at, content.at + content.count * size).buffer, 0, content.count);
}
export function $elements<E>({ view }: $Memory, at: number, size: number, read: (at: number) => E): E[] {
  const content = $content(view, at, size);
  return $each(content.count, (i) => read(content.at + i * size));
}

/** Content as bytes; null: none. */
export type $Packed = { readonly bytes: Uint8Array; readonly count: number } | null;

export function $packText(text: string): $Packed {
  const bytes = $encoder.encode(text);
  return { bytes, count: bytes.length };
}
export function $pack<E>(values: Iterable<E>, size: number, write: (memory: $Memory, value: E, at: number) => void): $Packed {
  const list = Array.from(values);
  const memory = $over(new Uint8Array(list.length * size));
  list.forEach((value, i) => write(memory, value, i * size));
  return { bytes: memory.bytes, count: list.length };
}
export function $packNumbers(values: ArrayBufferView & { readonly length: number }): $Packed {
  return { bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice(), count: values.length };
}

/** Writes content in the order of the fields, each as it is given, or as it was where that is undefined. */
export function $put(memory: $Memory, type: $Growing, given: { readonly [at: number]: $Packed | undefined }): void {
  const { $size: size, $fixedSizeAt: place = 0, $contents: contents = [] } = type;
  if (contents.every(([at]) => given[at] === undefined)) return;
  if (memory.become === undefined) throw new TypeError(`the content of this ${type.$name} cannot become another where it lies`);
  const old = memory.view;
  let end = size;
  const parts = contents.map(([at, one, align, presence]) => {
    let packed = given[at];
    if (packed === undefined && presence !== 0 && old.getUint8(presence) === 0) packed = null;
    if (packed === undefined) {
      const was = $content(old, at, one);
      packed = { bytes: new Uint8Array(old.buffer, old.byteOffset + was.at, was.count * one), count: was.count };
    }
    const { bytes = undefined, count = 0 } = packed ?? {};
    const start = count === 0 ? 0 : Math.ceil(end / align) * align;
    if (count !== 0) end = start + count * one;
    return { at, start, count, bytes, presence, isThere: packed !== null };
  });
  const all = new Uint8Array(end);
  all.set(new Uint8Array(old.buffer, old.byteOffset, size));
  const view = new DataView(all.buffer);
  view.setUint32(place, size, true);
  for (const { at, start, count, bytes, presence, isThere } of parts) {
    view.setUint32(at, start, true);
    view.setUint32(at + 4, count, true);
    if (presence !== 0) view.setUint8(presence, isThere ? 1 : 0);
    if (bytes !== undefined && count !== 0) all.set(bytes, start);
  }
  memory.become(all);
}
export function $needs(has: boolean, what: string): void {
  if (!has) throw new RangeError(`${what} was not sent, and there is no room for it`);
}
)ts";

}  // namespace ringmail::tools
