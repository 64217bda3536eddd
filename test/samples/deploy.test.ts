import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { loadCommands } from '../../src/cli/command-list.ts';
import { EXIT_STATUSES } from '../../src/cli/exit-status.ts';
import { createProgram } from '../../src/cli/program.ts';
import { renderMetrics } from '../../src/report/metrics.ts';
import { sampleReport } from '../report/sample-report.ts';
import { requireProgram } from '../support/programs.ts';
import { parseMetrics } from '../support/prometheus.ts';
import { findCalls, ROOT, readBlocks, readText } from './deploy-files.ts';
import { listCalls, podOf, readHosts } from './deploy-hosts.ts';

const COMMANDS = await loadCommands();

const hosts = readHosts();
const README = readText('README.md');
const hasAnalyze = requireProgram('systemd-analyze');

/** The command that our own program takes the words for; throws where it does not take them. */
async function parseCall(words: readonly string[]): Promise<string> {
  const seen: string[] = [];
  const program = createProgram({ commands: COMMANDS, version: '0' }, undefined, async (_, { command }) => {
    seen.push(command);
  });
  await program.parseAsync(words, { from: 'user' });
  return seen.join();
}

describe('every call of rebundle is one that the program takes', () => {
  test.each(listCalls(hosts).map(({ host, words }) => [host, words.join(' ')]))('%s: %s', async (_, words) => {
    const command = await parseCall(words.split(' '));
    expect(['run', 'plan']).toContain(command);
    expect(words).toContain('--config');
    expect(words).toMatch(/--reporter[ =]lines/);
  });

  it('on every host, the nightly one as run', () => {
    const nightly = listCalls(hosts).filter(({ words }) => words[0] === 'run');
    expect(nightly.map(({ host }) => host).sort()).toEqual(['cron', 'github', 'gitlab', 'kubernetes', 'systemd']);
  });

  test.each(['README.md', 'MIGRATION.md', 'samples/README.md', 'samples/deploy/README.md'])('in %s', async (path) => {
    const quoted = [...readText(path).matchAll(/`(rebundle [a-z][^`]*)`/g)].map(([, call = '']) => call);
    // The generated table of commands has their usage, no calls; prose also names a command alone.
    const names: readonly string[] = COMMANDS.map(({ name }) => name);
    const calls = [...readBlocks(path), ...quoted.filter((call) => !/[[<]/.test(call))].flatMap(findCalls);
    expect(calls.length).toBeGreaterThan(0);
    for (const words of calls.filter((call) => !names.includes(call.join(' '))))
      await expect(parseCall(words), words.join(' ')).resolves.not.toBe('');
  });

  it('(a flag that does not exist is refused)', async () => {
    await expect(parseCall(['run', '--nightly'])).rejects.toThrow('unknown option');
  });
});

describe('what a host is asked for', () => {
  it('every variable for rebundle is told of in README.md', () => {
    const own = /^(?:HOME|SHELL|PATH|MAILTO)$/;
    const named = [
      ...(hosts.service.get('Service.Environment') ?? []).map((text) => text.split('=')[0] ?? ''),
      ...Object.keys(hosts.cron.variables),
      ...podOf(hosts).containers[0].env.map(({ name }) => name),
      ...Object.keys(hosts.workflow.jobs.rebundle.env),
      ...[...readText('samples/deploy/gitlab/.gitlab-ci.yml').matchAll(/\b(?:DOCKER|REBUNDLE)_\w+/g)].map(String),
    ].filter((name) => !own.test(name));
    expect(named.length).toBeGreaterThanOrEqual(7);
    for (const name of named) expect(README).toMatch(new RegExp(`\\b${name}\\b`));
  });

  it('every exit status has its row', () => {
    const rows = [...readText('samples/deploy/README.md').matchAll(/^\| (\d+) \|/gm)].map(([, status]) =>
      Number(status),
    );
    expect(rows).toEqual(EXIT_STATUSES.map(({ status }) => status).sort((a, b) => a - b));
  });

  it('the tarball is the one of this release', () => {
    const tarball = `rebundle-${JSON.parse(readText('package.json')).version}.tgz`;
    for (const path of ['README.md', 'kubernetes/Containerfile'])
      expect(new Set(readText(`samples/deploy/${path}`).match(/rebundle-[\d.]+\.tgz/g)), path).toEqual(
        new Set([tarball]),
      );
  });

  it('every key of the configuration in the text exists', () => {
    const keys = [...readText('samples/deploy/README.md').matchAll(/`(targets\.\w+)`|targets: \{ (\w+):/g)];
    expect(keys.length).toBeGreaterThan(1);
    for (const [, long, short] of keys) expect(README).toContain(`| \`${long ?? `targets.${short}`}\` |`);
  });

  it('alerts are on metrics that a run writes', () => {
    const failed = renderMetrics(sampleReport(), [...renderMetrics({ ...sampleReport(), status: 0 })].join(''));
    const names = new Set(parseMetrics([...failed].join('')).map(({ name }) => name));
    const used = hosts.alerts.groups.flatMap(({ rules }) =>
      rules.flatMap(({ expr }) => expr.match(/rebundle_\w+/g) ?? []),
    );
    expect(used).toContain('rebundle_last_success_timestamp_seconds');
    for (const name of used) expect(names).toContain(name);
  });

  it('systemd: a stop is asked for, and the metrics and the state can be written', () => {
    const settingOf = (key: string): string | undefined => hosts.service.get(`Service.${key}`)?.at(-1);
    expect([settingOf('Type'), settingOf('KillSignal'), settingOf('KillMode')]).toEqual([
      'oneshot',
      'SIGTERM',
      'mixed',
    ]);
    expect(Number(settingOf('TimeoutStopSec'))).toBeGreaterThanOrEqual(30);
    expect(hosts.service.has('Service.MemoryDenyWriteExecute')).toBe(false);
    const start = settingOf('ExecStart') ?? '';
    const metrics = /metrics=(\S+)\/[\w.]+\.prom$/.exec(start)?.[1];
    expect([settingOf('ProtectSystem'), settingOf('ReadWritePaths')]).toEqual(['strict', metrics]);
    expect(start).toContain(`--out %S/${settingOf('StateDirectory')}/`);
    const loaded = (hosts.service.get('Service.LoadCredential') ?? []).map((text) => text.split(':')[0]);
    const used = [...readText('samples/deploy/systemd/rebundle.service').matchAll(/%d\/([\w.-]+)/g)].map(([, n]) => n);
    expect(new Set(used)).toEqual(new Set(loaded));
    expect(hosts.timer.get('Timer.Persistent')).toEqual(['true']);
    expect(hosts.timer.has('Timer.RandomizedDelaySec')).toBe(true);
    expect(hosts.timer.get('Install.WantedBy')).toEqual(['timers.target']);
  });

  it.skipIf(!hasAnalyze)('systemd: systemd-analyze has nothing to say', () => {
    const folder = mkdtempSync(join(tmpdir(), 'units-'));
    try {
      // The program that the unit starts has to be there.
      const unit = readText('samples/deploy/systemd/rebundle.service').replace(/(?<=ExecStart=)\S+/, process.execPath);
      writeFileSync(join(folder, 'rebundle.service'), unit);
      copyFileSync(join(ROOT, 'samples/deploy/systemd/rebundle.timer'), join(folder, 'rebundle.timer'));
      const analyze = (...words: string[]) => spawnSync('systemd-analyze', words, { cwd: folder, encoding: 'utf8' });
      const { status, stderr } = analyze('verify', './rebundle.service', './rebundle.timer');
      // It also judges the units of the machine that these refer to.
      expect(stderr.split('\n').filter((line) => line.includes('rebundle.'))).toEqual([]);
      expect(status).toBe(0);
      const [when = ''] = hosts.timer.get('Timer.OnCalendar') ?? [];
      expect(analyze('calendar', when).status).toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('cron: five fields, a user, an address, and nothing that cron would cut', () => {
    const [job] = hosts.cron.jobs;
    expect(hosts.cron.jobs).toHaveLength(1);
    expectNightly(job?.schedule.join(' '));
    expect(job?.user).toBe('rebundle');
    expect(job?.command).not.toContain('%');
    expect(hosts.cron.variables.MAILTO).toMatch(/@example\.com$/);
  });

  it('Kubernetes: volumes, mounts and paths fit together', () => {
    const { volumes, initContainers, containers, terminationGracePeriodSeconds } = podOf(hosts);
    const [[unlock], [container]] = [initContainers, containers];
    // A lock may be taken away only where no other pod can be at work.
    expect(unlock.command).toEqual(['rm', '-f', '/var/lib/rebundle/out/run.lock']);
    expect(hosts.claim.spec.accessModes).toEqual(['ReadWriteOncePod']);
    expect(unlock.image).toBe(container.image);
    for (const mount of unlock.volumeMounts) expect(container.volumeMounts).toContainEqual(mount);
    expectNightly(hosts.cronJob.spec.schedule);
    expect(terminationGracePeriodSeconds).toBeGreaterThanOrEqual(30);
    expect(container.image).toContain('CHANGE-ME');
    expect(container.volumeMounts.map(({ name }) => name)).toEqual(volumes.map(({ name }) => name));
    const paths = [
      ...container.args.flatMap((arg) => /=(\/.*)$/.exec(arg)?.[1] ?? []),
      ...container.env.map((e) => e.value),
    ];
    expect(paths.length).toBeGreaterThan(3);
    for (const path of paths)
      expect(
        container.volumeMounts.some(({ mountPath }) => `${path}/`.startsWith(`${mountPath}/`)),
        path,
      ).toBe(true);
    const state = volumes.find(({ persistentVolumeClaim }) => persistentVolumeClaim !== undefined);
    expect(state?.persistentVolumeClaim?.claimName).toBe(hosts.claim.metadata.name);
    const writable = container.volumeMounts.find(({ name }) => name === state?.name);
    expect([writable?.mountPath, writable?.readOnly]).toEqual(['/var/lib/rebundle', undefined]);
    for (const name of ['rebundle-registry', 'rebundle-targets'])
      expect(readText('samples/deploy/README.md')).toContain(`create secret generic ${name} `);
    const final = hosts.cronJob.spec.jobTemplate.spec.podFailurePolicy.rules.flatMap((rule) =>
      'onExitCodes' in rule && rule.action === 'FailJob' ? rule.onExitCodes.values : [],
    );
    expect(final).toEqual([1, 3, 4, 5]);
    const image = readText('samples/deploy/kubernetes/Containerfile');
    expect(image).toMatch(/^ENTRYPOINT \["\/\S+\/rebundle"\]$/m);
    expect(image).toMatch(new RegExp(`^USER ${podOf(hosts).securityContext.runAsUser}:`, 'm'));
  });

  it('GitHub: actions by commit, no right but to read, one run at a time', () => {
    expectNightly(hosts.workflow.on.schedule[0].cron);
    const uses = hosts.workflow.jobs.rebundle.steps.flatMap((step) => ('uses' in step ? [step.uses] : []));
    expect(uses.length).toBeGreaterThan(2);
    for (const action of uses) expect(action).toMatch(/^actions\/[a-z-]+@[0-9a-f]{40}$/);
    const comments = readText('samples/deploy/github/rebundle.yml').match(/@[0-9a-f]{40} # v\d+\.\d+\.\d+$/gm);
    expect(comments).toHaveLength(uses.length);
    const checkout = hosts.workflow.jobs.rebundle.steps.find((step) => 'uses' in step && /checkout/.test(step.uses));
    expect(checkout).toMatchObject({ with: { 'persist-credentials': false } });
  });

  it('GitLab: only schedules run, only merge requests plan', () => {
    const { run, plan } = hosts.pipeline;
    expect(run.rules[0].if).toBe('$CI_PIPELINE_SOURCE == "schedule"');
    expect(plan.rules[0].if).toBe('$CI_PIPELINE_SOURCE == "merge_request_event"');
    expect(plan.allow_failure.exit_codes).toEqual([2]);
  });

  it('what to change is marked, and named in the text only where it is', () => {
    const files = ['systemd/rebundle.service', 'systemd/rebundle.timer', 'cron/rebundle', 'kubernetes/cronjob.yaml'];
    for (const file of [...files, 'github/rebundle.yml', 'gitlab/.gitlab-ci.yml', 'prometheus/alerts.yml'])
      expect(readText(`samples/deploy/${file}`), file).toContain('CHANGE:');
  });
});

/** Minute and hour are numbers, and it is every day. */
function expectNightly(schedule: string | undefined): void {
  expect(schedule).toMatch(/^[0-5]?\d (?:1?\d|2[0-3]) \* \* \*$/);
}
