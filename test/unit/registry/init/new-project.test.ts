import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadDrafts } from '../../../../registry/definitions/load.ts';
import { Mistakes } from '../../../../contract/definitions/mistake.ts';
import { initProject, nextSteps } from '../../../../registry/init/new-project.ts';
import { OWN_PACKAGE, foreignPackage } from '../../../../project/own-package.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const stepsOf = (project: string): string[] => nextSteps(project, 'quickstart');
const json = (file: string): { [key: string]: unknown } => JSON.parse(readFileSync(file, 'utf8'));

describe('a new project', () => {
  test('is a package that depends on this one under the name that definitions import', async () => {
    const root = join(scratchFolder(), 'My Shop');
    expect(await initProject(root, 'quickstart')).toEqual(
      expect.arrayContaining(['package.json', 'tsconfig.json', '.gitignore']),
    );
    const made = json(join(root, 'package.json'));
    expect(made).toMatchObject({ name: 'my-shop', private: true, type: 'module' });
    const { plumbline } = made['dependencies'] as { plumbline: string };
    expect(realpathSync(join(root, plumbline.slice('file:'.length)))).toBe(realpathSync(OWN_PACKAGE.folder));
    expect(json(join(root, 'tsconfig.json'))['compilerOptions']).toMatchObject({
      module: 'nodenext',
      noEmit: true,
      erasableSyntaxOnly: true,
    });
  });

  test('is told how to go on from where it was made', async () => {
    const root = join(scratchFolder(), 'shop');
    await initProject(root, 'quickstart');
    // From the checkout, whose tests these are, a project elsewhere is named with -C; one within it finds its plumb.
    expect(nextSteps(relative(process.cwd(), root), 'quickstart')).toEqual([
      `npx plumb -C ${relative(process.cwd(), root)} apply`,
      `npx plumb -C ${relative(process.cwd(), root)} materialize`,
      expect.stringContaining('get --service rank_v1'),
    ]);
    expect(stepsOf('my-project').slice(0, 2)).toEqual(['cd my-project', 'npx plumb apply']);
    expect(stepsOf('.')[0]).toBe('npx plumb apply');
  });

  test('the steps can be pasted into a shell, whatever the folder is called', () => {
    expect(stepsOf('my shop')[0]).toBe("cd 'my shop'");
    expect(stepsOf("it's")[0]).toBe("cd 'it'\\''s'");
    expect(stepsOf('a\nb')[0]).toBe("cd $'a\\nb'");
    expect(stepsOf('-x')[0]).toBe('cd ./-x');
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }).filter((name) => !/[\0/]/.test(name) && name.trim() !== ''),
        (name) => {
          const [into] = stepsOf(`sub/${name}`);
          const said = execFileSync('bash', ['-c', `cd() { printf %s "$1"; }; ${into}`], {
            encoding: 'utf8',
          });
          expect(said).toBe(`sub/${name}`);
          expect(into).not.toContain('\n');
        },
      ),
      { numRuns: 30 },
    );
  });

  test('is no URL', async () => {
    await expect(initProject('s3://bucket/x', 'quickstart')).rejects.toThrow(
      /a new project is a folder on this machine/,
    );
  });
});

describe('a package of the name that definitions import', () => {
  function projectWith(manifest: object): string {
    const root = scratchFolder();
    const folder = join(root, 'node_modules/plumbline');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    writeFileSync(join(root, 'd.ts'), 'export {};\n');
    writeFileSync(join(root, 'd.yaml'), 'entity: e\njoinKeys: { id: int64 }\n');
    return root;
  }
  const load = (root: string, glob: string) => loadDrafts(root, [glob], new Mistakes(root));

  test('that is another is refused where definitions would import it', async () => {
    const root = projectWith({ name: 'plumbline', version: '10.0.9' });
    await expect(load(root, '*.ts')).rejects.toThrow(
      /node_modules.plumbline is another package: plumbline 10\.0\.9/,
    );
    await expect(load(join(root, 'node_modules'), '../*.ts')).rejects.toThrow(/another package/);
    expect(await load(root, '*.yaml')).toHaveLength(1);
  });

  test('that is this one is none', async () => {
    const root = projectWith({ name: 'plumbline-serving', version: '0.1.0' });
    expect(foreignPackage(root)).toBeNull();
    expect(await load(root, '*.ts')).toEqual([]);
  });
});
