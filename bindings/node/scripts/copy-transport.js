// A package has its own copy of the transport's sources: made before it is packed, removed afterwards.
import { cpSync, rmSync } from 'node:fs';

rmSync('transport', { recursive: true, force: true });
if (process.argv[2] !== '--remove') {
  for (const part of ['include', 'src']) cpSync(`../../transport/${part}`, `transport/${part}`, { recursive: true });
}
