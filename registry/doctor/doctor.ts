/**
 * `plumb doctor`: what is wrong with a set-up, and what to do. Looks at each part as the program that needs it would,
 * and changes nothing but for a folder that it makes and removes where it looks whether it may write.
 */
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { openProject } from '../../project/project.ts';
import type { Project } from '../../project/project.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import { bundleFinding, bundleInForce, registryFindings, secretFinding } from './applied.ts';
import { tellFindings } from './config-check.ts';
import { failed, off } from './finding.ts';
import type { SetupFinding } from './finding.ts';
import { folderFindings, objectFindings, spoolFinding } from './folders.ts';
import { kafkaFindings } from './kafka-topics.ts';
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

/** Prints every finding; the exit code is 1 when something is wrong. */
export async function doctor(context: CommandContext): Promise<ExitCode> {
  return tellFindings(context, await findingsOf(context));
}

/** @returns the findings in the order in which parts need each other: the first that is wrong may explain the next */
export async function findingsOf(context: CommandContext): Promise<SetupFinding[]> {
  const first = [nodeFinding(process.versions.node), await duckdbFinding()];
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
  const objects = await objectFindings(project.settings);
  const isHistoryRead = !objects.some(({ check, state }) => check === 'history' && state === 'wrong');
  return [
    ...first,
    ...settings,
    clockFinding(project.settings),
    await transportFinding(project.settings),
    ...(await portFindings(project.settings)),
    ...folderFindings(project.settings),
    spoolFinding(project.settings),
    ...objects,
    ...(await registryFindings(project, isHistoryRead)),
    bundleFinding(project.settings),
    secretFinding(project.settings, bundle),
    await extensionsFinding(project.settings, bundle),
    ...(await onlineFindings(project.settings.online)),
    ...(await kafkaFindings(project.settings, bundle)),
  ];
}
