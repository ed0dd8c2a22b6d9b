// How the canonical schema text spells names and numbers (docs/spec/message.md).
const RESERVED_SPACES = ['ringmail', 'std'];
const RESERVED_TYPES = ['EOF', 'False', 'NULL', 'None', 'Self', 'True'];
const TOO_LARGE_FOR_F32 = (2 - 2 ** -24) * 2 ** 127; // halfway to what would be the next one

export function isWord(word) {
  return /^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*$/.test(word) && word.length <= 64 && !word.startsWith('ringmail_');
}

export function isQualifiedName(name) {
  const spaces = name.split('.');
  const word = spaces.pop();
  const isSpace = (space) => isWord(space) && /^[a-z]/.test(space) && !RESERVED_SPACES.includes(space);
  const isType = isWord(word) && /^[A-Z]/.test(word) && !RESERVED_TYPES.includes(word);
  return isType && name.length <= 255 && spaces.length > 0 && spaces.every(isSpace);
}

/** Whether a number, or a BigInt where it has 8 bytes, is one of that type. */
export function fits(number, type) {
  if (type === 'f32') return Math.abs(number) < TOO_LARGE_FOR_F32;
  if (type === 'f64') return Number.isFinite(number);
  const bits = BigInt(type.slice(1));
  const least = type.startsWith('i') ? -(1n << (bits - 1n)) : 0n;
  return number >= least && number < least + (1n << bits);
}

/** ASCII in quotes, in which only those and backslashes are escaped. */
export function isPresetOfText(text) {
  return /^"([ !#-[\]-~]|\\["\\])*"$/.test(text);
}

export function presetText(type, preset) {
  if (type === 'text') return `"${preset.replace(/["\\]/g, '\\$&')}"`;
  return type === 'f32' || type === 'f64' ? floatText(preset, type) : `${preset}`;
}

/** The fewest digits that give the same value back, in scientific notation where that is shorter. */
function floatText(number, type) {
  const same = (text) => (type === 'f32' ? Math.fround(text) === Math.fround(number) : Number(text) === number);
  let text;
  for (let digits = 0; text === undefined || !same(text); ++digits) text = number.toExponential(digits);
  const [mantissa, exponent] = text.split('e');
  const sign = number < 0 || Object.is(number, -0) ? '-' : '';
  const digits = mantissa.replace(/[-.]/g, '');
  const power = Number(exponent);
  const scientific = `${sign}${mantissa.replace('-', '')}e${power < 0 ? '-' : '+'}${`${Math.abs(power)}`.padStart(2, '0')}`;
  const point = 1 + power;
  let fixed = digits.padEnd(point, '0');
  if (point <= 0) fixed = `0.${'0'.repeat(-point)}${digits}`;
  else if (point < digits.length) fixed = `${digits.slice(0, point)}.${digits.slice(point)}`;
  return sign.length + fixed.length <= scientific.length ? sign + fixed : scientific;
}
