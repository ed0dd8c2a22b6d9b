// What is open when the process ends: it is closed then, and hears before of an error that nobody has caught.
const open = new Set();

process.on('exit', () => open.forEach((each) => each.close()));
process.on('uncaughtExceptionMonitor', (error) => open.forEach((each) => each.tell?.(error)));

/** { close(), tell(error) }. Returns what takes it back. */
export function atExit(each) {
  open.add(each);
  return () => open.delete(each);
}
