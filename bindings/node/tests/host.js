// The host of the tests: a program that does what it is told line by line (bindings/python/tests/host.cpp), and its peer.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const folder = path.dirname(fileURLToPath(import.meta.url));
const transport = path.resolve(folder, '../../../transport');
const source = path.resolve(folder, '../../python/tests/host.cpp');
const DEADLINE_MS = 30_000; // a watchdog, not a measure

export const library = path.resolve(folder, '../lib/index.js');
export const SCHEMA = readFileSync(path.join(folder, 'market.schema'), 'utf8');

/** RINGMAIL_TEST_HOST, or the program that is compiled into build/ when its sources have changed. */
export function hostProgram() {
  if (process.env.RINGMAIL_TEST_HOST) return process.env.RINGMAIL_TEST_HOST;
  const program = path.resolve(folder, '../build/host');
  const platform = process.platform === 'darwin' ? 'darwin' : 'linux';
  const sources = [source];
  for (const part of ['src', `src/${platform}`]) {
    for (const file of readdirSync(path.join(transport, part)).sort()) {
      if (file.endsWith('.cpp')) sources.push(path.join(transport, part, file));
    }
  }
  const built = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (sources.some((file) => statSync(file).mtimeMs > built)) {
    mkdirSync(path.dirname(program), { recursive: true });
    const compiler = (process.env.CXX ?? 'c++').split(' ');
    const flags = ['-std=c++23', '-O1', '-pthread', '-I', path.join(transport, 'include'), '-o', program];
    const { status } = spawnSync(compiler[0], [...compiler.slice(1), ...flags, ...sources], { stdio: 'inherit' });
    assert.equal(status, 0, 'the test host does not compile');
  }
  return program;
}

export class Host {
  #folder = mkdtempSync(path.join(tmpdir(), 'ringmail-node-'));
  #process;
  #lines = [];
  #wake = () => {};
  seen = [];

  /** `script` is the text of the peer's program, which finds the binding as `ringmail`. */
  constructor(script, { schema = SCHEMA, options = [], program, environment = {} } = {}) {
    const file = path.join(this.#folder, 'peer.mjs');
    writeFileSync(path.join(this.#folder, 'schema'), schema);
    writeFileSync(file, `import * as ringmail from ${JSON.stringify(library)};\n${script}`);
    const peer = program ?? [file];
    this.#process = spawn(
      hostProgram(),
      ['--schema', path.join(this.#folder, 'schema'), '--log', this.#log, ...options, '--', process.execPath, ...peer],
      { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...environment } },
    );
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      this.#lines.push(line);
      this.#wake();
    });
  }

  get #log() {
    return path.join(this.#folder, 'log');
  }

  order(...words) {
    this.#process.stdin.write(`${words.join(' ')}\n`);
  }

  /** The other words of the next line that starts so; what comes before it is put into `seen`. */
  async waitFor(first) {
    for (;;) {
      while (this.#lines.length > 0) {
        const line = this.#lines.shift();
        this.seen.push(line);
        const [word, ...others] = line.split(' ');
        if (word === first) return others;
      }
      await new Promise((resolve, reject) => {
        const watchdog = setTimeout(
          () => reject(new Error(`no ${first} came after ${this.seen.slice(-10)}; the peer's log: ${this.output()}`)),
          DEADLINE_MS,
        );
        this.#wake = () => {
          clearTimeout(watchdog);
          resolve();
        };
      });
    }
  }

  /** Until the peer's process sleeps. */
  async waitUntilAsleep(pid) {
    await this.#until(() => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].startsWith('S'));
  }

  async waitUntilGone(pid) {
    await this.#until(() => !existsSync(`/proc/${pid}`));
  }

  async waitForOutput(text) {
    await this.#until(() => this.output().includes(text));
  }

  async #until(condition) {
    const end = Date.now() + DEADLINE_MS;
    while (!condition()) {
      assert.ok(Date.now() < end, this.output());
      await new Promise((resolve) => setTimeout(resolve, 2)); // neither a file nor a process's state can be waited for
    }
  }

  /** Ends the peer in order. What it printed. */
  async stop() {
    this.order('stop');
    assert.deepEqual(await this.waitFor('exit'), ['0'], this.output());
    return this.output();
  }

  output() {
    try {
      return readFileSync(this.#log, 'utf8');
    } catch {
      return '';
    }
  }

  close() {
    this.#process.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A test with a host, which is closed at its end. */
export function withHost(script, options, test) {
  return async () => {
    const host = new Host(script, options);
    try {
      await test(host);
    } finally {
      host.close();
    }
  };
}
