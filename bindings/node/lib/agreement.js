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

function differentMessage(here, there) {
  const owner = `message ${here.name}`;
  const compare = (what) =>
    first(here.fields.keys(), (name) => what(`${owner}: field ${name}`, here.fields.get(name), there.fields.get(name)));
  // Types first: one other type moves every field behind it, and is what the user wants to read.
  return (
    missing(owner, 'field', here.fields, there.fields) ??
    compare((field, a, b) => differ(field, a.type, b.type)) ??
    compare((field, a, b) => differ(field, `at offset ${a.offset}`, `at offset ${b.offset}`))
  );
}

function differentProtocol(here, there) {
  const owner = `protocol ${here.name}`;
  const reply = (protocol, name) => protocol.accepts.get(name) ?? 'nothing';
  return (
    missing(owner, 'message', here.accepts, there.accepts) ??
    first(here.accepts.keys(), (name) => differ(`${owner}: the reply to ${name}`, reply(here, name), reply(there, name)))
  );
}
