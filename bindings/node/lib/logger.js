// The host's log, for lines with a level.
import { format } from 'node:util';

export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'critical'];

/** A method for each level takes what console.log() takes. False: the host is too slow, and the line was left out. */
export class Logger {
  /** `write(level, text)` returns that. */
  constructor(write) {
    LEVELS.forEach((level, number) => {
      this[level] = (...data) => write(number, format(...data).replaceAll('\0', ' '));
    });
  }
}
