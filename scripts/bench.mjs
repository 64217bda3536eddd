// Measures the built program: npm run bench -- run|factory|publish|targets|report|scan [numbers]. Without a name: run.
import { argv, exit, stderr } from 'node:process';

const PARTS = {
  scan: './bench/scan.mjs',
  report: './bench/report.mjs',
  run: './bench/run.mjs',
  factory: './bench/factory.mjs',
  publish: './bench/publish.mjs',
  targets: './bench/targets.mjs',
};

const [name = 'run'] = argv.splice(2, /^\d/.test(argv[2] ?? '') ? 0 : 1);
const part = PARTS[name];
if (part === undefined) {
  stderr.write(`there is no measurement ${name}, expected one of ${Object.keys(PARTS).join(', ')}\n`);
  exit(4);
}
await import(part);
