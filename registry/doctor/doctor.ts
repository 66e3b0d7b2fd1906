/**
 * `plumb doctor`: what is wrong with a set-up, and what to do. Looks at each part as the program that needs it would,
 * and changes nothing but for a folder that it makes and removes where it looks whether it may write.
 */
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { isSidecarImage } from '../../project/own-package.ts';
import { openProject } from '../../project/project.ts';
import type { Project } from '../../project/project.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import { bundleFinding, bundleInForce, registryFindings, secretFinding } from './applied.ts';
import { tellFindings } from './config-check.ts';
import { failed, off } from './finding.ts';
import type { SetupFinding } from './finding.ts';
import { folderFindings, objectFindings, spoolFinding } from './folders.ts';
import { logFindings, streamFindings } from './kafka-topics.ts';
import {
  clockFinding,
  duckdbFinding,
  extensionsFinding,
  nodeFinding,
  portFindings,
  transportFinding,
} from './machine.ts';
import { onlineFindings } from './online-store.ts';
import { settingFindings } from './setting-findings.ts';

const LEFT_OUT = 'not looked at: the image of a sidecar has only what it needs';

/** Prints every finding; the exit code is 1 when something is wrong. */
export async function doctor(context: CommandContext): Promise<ExitCode> {
  return tellFindings(context, await findingsOf(context));
}

/**
 * @param isSidecar  only what `plumb serve` needs is looked at: its image has nothing else
 * @returns          the findings in the order in which parts need each other: the first that is wrong may explain
 *                   the next
 */
export async function findingsOf(
  context: CommandContext,
  isSidecar = isSidecarImage(),
): Promise<SetupFinding[]> {
  const engine = isSidecar ? off('duckdb', LEFT_OUT) : await duckdbFinding();
  const first = [nodeFinding(process.versions.node), engine];
  const settings = settingFindings(context.folder, process.env, context.flags);
  let project: Project;
  try {
    project = openProject(context.folder, silentLogger, process.env, context.flags);
  } catch (error) {
    const told = settings.some(({ state }) => state === 'wrong');
    const more = told ? [] : [failed('settings', error, 'Run `plumb config check`.')];
    return [...first, ...settings, ...more, off('the rest', 'nothing can be looked at without settings')];
  }
  const bundle = bundleInForce(project.settings);
  return [
    ...first,
    ...settings,
    clockFinding(project.settings),
    await transportFinding(project.settings),
    ...(await portFindings(project.settings)),
    ...folderFindings(project.settings, isSidecar),
    spoolFinding(project.settings),
    ...(isSidecar ? [off('registry, definitions', LEFT_OUT)] : await definedFindings(project)),
    bundleFinding(project.settings),
    secretFinding(project.settings, bundle),
    ...(isSidecar ? [] : [await extensionsFinding(project.settings, bundle)]),
    ...(await onlineFindings(project.settings.online, isSidecar)),
    ...(await logFindings(project.settings)),
    ...(isSidecar ? [] : await streamFindings(project.settings, bundle)),
  ];
}

async function definedFindings(project: Project): Promise<SetupFinding[]> {
  const objects = await objectFindings(project.settings);
  const isHistoryRead = !objects.some(({ check, state }) => check === 'history' && state === 'wrong');
  return [...objects, ...(await registryFindings(project, isHistoryRead))];
}
