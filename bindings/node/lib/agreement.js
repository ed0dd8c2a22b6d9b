// Do two schemas agree? docs/spec/message.md has the rules and the lines. "here" is what this process was written for.
import { nounOf } from './schema.js';

/** The first difference in what both declare, or undefined. What only one declares is no difference. */
export function findMismatch(here, there) {
  const both = (map, other) => [...map.values()].filter(({ name }) => other.has(name));
  for (const name of [...here.enums.keys(), ...here.messages.keys(), ...here.protocols.keys()]) {
    const noun = nounOf(there, name);
    if (noun && noun !== nounOf(here, name)) return `${name} is ${nounOf(here, name)} here and ${noun} there`;
  }
  for (const declared of both(here.enums, there.enums)) {
    const line = differentEnum(declared, there.enums.get(declared.name));
    if (line) return line;
  }
  for (const declared of both(here.messages, there.messages)) {
    const line = differentMessage(declared, there.messages.get(declared.name));
    if (line) return line;
  }
  for (const declared of both(here.protocols, there.protocols)) {
    const line = differentProtocol(declared, there.protocols.get(declared.name));
    if (line) return line;
  }
  return undefined;
}

function missing(owner, noun, here, there) {
  for (const name of here.keys()) if (!there.has(name)) return `${owner} has no ${noun} ${name} there`;
  for (const name of there.keys()) if (!here.has(name)) return `${owner} has no ${noun} ${name} here`;
  return undefined;
}

function differ(what, here, there) {
  return here === there ? undefined : `${what} is ${here} here and ${there} there`;
}

function first(names, compare) {
  for (const name of names) {
    const line = compare(name);
    if (line) return line;
  }
  return undefined;
}

function differentEnum(here, there) {
  const owner = `enum ${here.name}`;
  return (
    differ(owner, here.underlying, there.underlying) ??
    missing(owner, 'value', here.values, there.values) ??
    first(here.values.keys(), (name) => differ(`${owner}: value ${name}`, here.values.get(name), there.values.get(name)))
  );
}

/** Those of a message without what it has appended, and the other does without. */
function commonFields({ fields }, other) {
  const common = [...fields.values()];
  while (common.length > other.fields.size && common.at(-1).isAppended) common.pop();
  return new Map(common.map((field) => [field.name, field]));
}

function differentPlace(field, a, b) {
  if (a.offset !== b.offset) return differ(field, `at offset ${a.offset}`, `at offset ${b.offset}`);
  if (a.total !== b.total) return `${field} has ${a.total} bytes here and ${b.total} there`;
  return a.size === b.size ? undefined : `${field} has elements of ${a.size} bytes here and ${b.size} there`;
}

function differentMessage(one, other) {
  const owner = `message ${one.name}`;
  const [here, there] = [commonFields(one, other), commonFields(other, one)];
  const compare = (what) => first(here.keys(), (name) => what(`${owner}: field ${name}`, here.get(name), there.get(name)));
  // Types first: one other type moves every field behind it, and is what the user wants to read.
  return missing(owner, 'field', here, there) ?? compare((field, a, b) => differ(field, a.type, b.type)) ?? compare(differentPlace);
}

function differentProtocol(here, there) {
  const owner = `protocol ${here.name}`;
  const reply = (protocol, name) => protocol.accepts.get(name) ?? 'nothing';
  return (
    missing(owner, 'message', here.accepts, there.accepts) ??
    first(here.accepts.keys(), (name) => differ(`${owner}: the reply to ${name}`, reply(here, name), reply(there, name)))
  );
}
