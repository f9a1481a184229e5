// Which program a machine has, and what is said where it has none.
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { findPrograms, majorOf, preparePrograms } from './programs.ts';
import { namedUser } from './run-as.ts';

test.each([
  ['win32', 'x64', /does not run on Windows: set DATABASE_URL/],
  ['linux', 'riscv64', /no embedded database for this machine \(linux-riscv64\): set DATABASE_URL/],
  // Packaged, and not installed here, as after --omit=optional.
  ['darwin', 'arm64', /not installed: install without --omit=optional, or set DATABASE_URL to/],
] as const)('%s on %s: one sentence that names DATABASE_URL', async (platform, arch, sentence) => {
  await expect(findPrograms(platform, arch)).rejects.toThrow(sentence);
});

test('from a folder that others cannot read, without the links that its install script makes, a copy is run', async () => {
  const user = namedUser();
  const { initdb } = await findPrograms();
  // Its mode is 0700.
  const folder = mkdtempSync(join(tmpdir(), 'outdial-programs-'));
  try {
    const native = join(folder, 'native');
    cpSync(dirname(dirname(initdb)), native, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') });
    const closed = { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
    const copied = preparePrograms(closed, user, folder, true);
    expect(copied.copy).toBeDefined();
    expect(majorOf(copied, user)).toMatch(/^\d\d$/);
    expect(readdirSync(join(copied.copy ?? '', 'native', 'lib')).some((name) => name.endsWith('.a'))).toBe(false);
    rmSync(copied.copy ?? '', { recursive: true });
    expect(existsSync(copied.postgres)).toBe(false);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
