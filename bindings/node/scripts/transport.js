// Where the transport lies, which is compiled into the addon; --sources: the files to compile. For binding.gyp.
import { existsSync, readdirSync } from 'node:fs';

const folder = ['transport', '../../transport'].find((path) => existsSync(`${path}/include/ringmail.h`));
if (folder === undefined) {
  console.error('ringmail: transport/include/ringmail.h is missing: build in a clone of the whole project, or from a package');
  process.exit(1);
}
if (process.argv[2] === '--sources') {
  const platform = process.platform === 'darwin' ? 'darwin' : 'linux';
  for (const part of ['src', `src/${platform}`]) {
    for (const file of readdirSync(`${folder}/${part}`).sort()) {
      if (file.endsWith('.cpp')) console.log(`${folder}/${part}/${file}`);
    }
  }
} else {
  console.log(folder);
}
