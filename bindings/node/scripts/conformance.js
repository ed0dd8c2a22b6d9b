// Generates the messages of conformance/peer.mjs into build/conformance/. RINGMAIL_TOOL: the ringmail command, if it is not in the path.
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const output = path.join(folder, 'build/conformance');
const run = (command, ...args) => execFileSync(command, args, { cwd: folder, stdio: 'inherit' });

run(process.env.RINGMAIL_TOOL ?? 'ringmail', 'gen', '--lang', 'ts', '../conformance/conformance.mail', '-o', `${output}/conformance.ts`);
// The tool leaves a file alone that would not change.
const changed = (file) => statSync(`${output}/${file}`, { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (changed('conformance.js') < changed('conformance.ts')) run('npx', 'tsc', '-p', 'conformance');
