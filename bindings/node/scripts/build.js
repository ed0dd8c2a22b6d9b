// Compiles the addon, with the headers that came with this node where there are some: nothing is then downloaded.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const folder = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..');
const prefix = path.resolve(process.execPath, '../..');
const headers = existsSync(path.join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
// npm puts its own node-gyp into the path of what it runs.
const done = spawnSync('node-gyp', ['configure', 'build', ...headers, ...process.argv.slice(2)], { cwd: folder, stdio: 'inherit' });
if (done.error) console.error(`ringmail: cannot run node-gyp: ${done.error.message}; use \`npm install\` or \`npm rebuild\``);
process.exit(done.status ?? 1);
