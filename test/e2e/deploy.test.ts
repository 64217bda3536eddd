import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listCalls, readHosts, scriptsOf } from '../samples/deploy-hosts.ts';
import { readMetric } from '../support/prometheus.ts';
import { BROKEN, type CliResult, CONFIG, referencesIn, Workspace } from './cli.ts';

const hosts = readHosts();
const METRICS = 'textfile/rebundle.prom';
const LAST_SUCCESS = 'rebundle_last_success_timestamp_seconds';
let workspace: Workspace;

beforeEach(async () => {
  workspace = await Workspace.create();
  const { privateKey } = generateKeyPairSync('ed25519');
  await workspace.write('key.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
});
afterEach(async () => {
  await workspace.close();
});

/** A text of a host with the places of the samples instead of its own. */
function onSamples(text: string, config = CONFIG): string {
  return text
    .replace(/(?<=--config[ =])\S+/g, config)
    .replace(/(?<=--out[ =])\S+/g, 'out')
    .replace(/(?<=--sign-key[ =])\S+/g, 'key.pem')
    .replace(/(?<=metrics=)\S+/g, METRICS)
    .replace('cd /var/lib/rebundle', 'cd .');
}

/** Runs a script of a host as its shell does; `rebundle` in it is the built program. */
function runScript(script: string, shell: readonly string[], config = CONFIG): Promise<CliResult> {
  const define = 'node=$0 main=$1; rebundle() { "$node" "$main" "$@"; }';
  return workspace.run([], { prefix: [...shell, '-c', `${define}\n${onSamples(script, config)}`] });
}

function callOf(host: string, command: string): string[] {
  const call = listCalls(hosts).find((each) => each.host === host && each.words[0] === command);
  return onSamples(call?.words.join(' ') ?? '').split(' ');
}

describe('the scheduled job on each host, with the sample factory', () => {
  it('systemd: runs, signs, leaves metrics; the next night does nothing', async () => {
    const words = callOf('systemd', 'run');
    const first = await workspace.run(words);
    expect([first.status, Object.keys(referencesIn(first.stdout)).length]).toEqual([0, 7]);
    expect(await workspace.readJson('out/targets.json')).toMatchObject({ signatures: [{}] });
    const before = await workspace.listing('out');
    const night = await workspace.run(words);
    expect([night.status, night.stdout]).toEqual([0, first.stdout]);
    const after = await workspace.listing('out');
    const changed = [...after.keys()].filter((path) => after.get(path) !== before.get(path));
    expect(changed.filter((path) => !/^(?:report\.\w+|plan\.json)$/.test(path))).toEqual([]);
    const metrics = await workspace.read(METRICS);
    expect(readMetric(metrics, 'rebundle_sent_bytes')).toBe(0);
    expect(readMetric(metrics, 'rebundle_exit_status')).toBe(0);
    expect(await workspace.modeOf(METRICS)).toBe(0o644);
  });

  it('cron: a good night sends no mail, a bad one its lines, and the last success stays in the metrics', async () => {
    const [job] = hosts.cron.jobs;
    const good = await runScript(job?.command ?? '', ['/bin/sh']);
    expect(good).toEqual({ status: 0, stdout: '', stderr: '' });
    const success = readMetric(await workspace.read(METRICS), LAST_SUCCESS);
    expect(success).toBeGreaterThan(1_700_000_000);

    const bad = await runScript(job?.command ?? '', ['/bin/sh'], BROKEN);
    expect(bad.stdout).toContain('error     APP_SPLIT tilt-meter');
    const metrics = await workspace.read(METRICS);
    expect(readMetric(metrics, 'rebundle_exit_status')).toBe(1);
    expect(readMetric(metrics, LAST_SUCCESS)).toBe(success);
  });

  it('Kubernetes: the arguments of the container', async () => {
    expect((await workspace.run(callOf('kubernetes', 'run'))).status).toBe(0);
  });

  it('GitHub: a plan with changes is green, one with errors is red, and what is uploaded is there', async () => {
    const bash = ['/bin/bash', '-e'];
    const scripts = scriptsOf(hosts);
    const plan = scripts.find(({ run }) => run.includes('rebundle plan'))?.run ?? '';
    const run = scripts.find(({ run }) => run.includes('rebundle run'))?.run ?? '';
    const summary = scripts.find(({ run }) => run.includes('GITHUB_STEP_SUMMARY'))?.run ?? '';
    expect((await runScript(plan, bash, BROKEN)).status).toBe(1);
    expect((await runScript(plan, bash)).status).toBe(0);
    expect((await runScript(run, bash)).status).toBe(0);
    expect((await runScript(`GITHUB_STEP_SUMMARY=summary.md; ${summary}`, bash)).status).toBe(0);
    expect(await workspace.read('summary.md')).toBe(await workspace.read('out/report.md'));
    for (const step of hosts.workflow.jobs.rebundle.steps) {
      if (!('uses' in step) || !step.uses.includes('upload-artifact')) continue;
      const paths = String(step.with.path).trim().split('\n');
      expect(paths.length).toBeGreaterThan(2);
      for (const path of paths) expect(workspace.exists(path), path).toBe(true);
    }
  });

  it('GitLab: a plan with changes is a warning, and the artifacts are there', async () => {
    const { run, plan, '.rebundle': job } = hosts.pipeline;
    const planned = await runScript(plan.script.join('\n'), ['/bin/bash', '-e']);
    expect(plan.allow_failure.exit_codes).toEqual([planned.status]);
    for (const path of [...job.artifacts.paths, job.artifacts.reports.junit])
      expect(workspace.exists(path), path).toBe(true);
    expect((await runScript(run.script.join('\n'), ['/bin/bash', '-e'])).status).toBe(0);
  });
});
