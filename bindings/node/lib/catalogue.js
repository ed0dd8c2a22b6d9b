// Which class stands for which message: those made from the host's schema, or those of generated code in their place.
import { findMismatch } from './agreement.js';
import { NotFoundError, SchemaError } from './errors.js';
import { parseSchema } from './schema.js';
import { makeTypes } from './types.js';

export class Catalogue {
  #schema;
  #enums;
  #agreed = new Set(); // schema texts that were compared with the host's
  #byName = new Map();

  /** By number: { Type, handler, wantsSender, most: in a batch, 0: none, replies: names of those that are allowed, or null for none in particular }. */
  entries = new Map();

  /** `text` is the host's; what it does not declare may be in `ours`. Throws SchemaError where the two do not agree. */
  constructor(text, ours = '') {
    this.#schema = parseSchema(text);
    if (ours !== '') this.#merge(ours);
    const { messages, enums } = makeTypes(this.#schema, text);
    this.#enums = enums;
    for (const Type of messages.values()) this.#add(Type);
    this.#agreed.add(text);
  }

  #merge(text) {
    this.agree(text);
    for (const [kind, declared] of Object.entries(parseSchema(text))) {
      for (const [name, one] of declared) if (!this.#schema[kind].has(name)) this.#schema[kind].set(name, one);
    }
  }

  #add(Type) {
    const entry = { Type, handler: undefined, wantsSender: false, most: 0, replies: this.#repliesTo(Type.$name) };
    this.entries.set(Type.$type, entry);
    this.#byName.set(Type.$name, entry);
    return entry;
  }

  #repliesTo(name) {
    const replies = [...this.#schema.protocols.values()]
      .filter(({ accepts }) => accepts.has(name))
      .map(({ accepts }) => accepts.get(name));
    return replies.length > 0 && replies.every((reply) => reply !== null) ? replies : null;
  }

  /** The entry of a class, or of the name of a message that the host declares. */
  find(type) {
    if (typeof type === 'string') return this.#find(this.#byName, type, 'message');
    if (typeof type?.$type !== 'number') throw new TypeError(`${String(type)} is neither a message's class nor its name`);
    this.agree(type.$schema);
    const entry = this.entries.get(type.$type) ?? this.#add(type);
    entry.Type = type;
    return entry;
  }

  enum(name) {
    return this.#find(this.#enums, name, 'enum');
  }

  #find(map, name, noun) {
    const found = map.get(name);
    if (found !== undefined) return found;
    const declared = [...map.keys()].sort().join(', ') || `no ${noun}`;
    throw new NotFoundError(`the host declares no ${noun} ${name}; it declares ${declared}`);
  }

  /** Throws SchemaError with the first difference between this schema and the host's. */
  agree(text) {
    if (this.#agreed.has(text)) return;
    const mismatch = findMismatch(parseSchema(text), this.#schema);
    if (mismatch !== undefined) throw new SchemaError(mismatch);
    this.#agreed.add(text);
  }
}
