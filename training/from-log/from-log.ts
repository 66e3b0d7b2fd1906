/**
 * The features of a training set as they were answered: no skew, since nothing is computed again.
 *
 *   labels -> MET: the vector of each label, by its request, or by its keys and time
 *          -> the days that these may lie on: does the log lack anything?
 *          -> the newest service version among them: which features, and are all of them in the log?
 *          -> ANSWERED: their values after fallbacks, and what became of each
 *
 * A label without a vector keeps its place, with nulls.
 */
import { join } from 'node:path';
import type { Bundle, FeatureService } from '../../contract/model.ts';
import { usedFeature } from '../../contract/on-demand/arguments.ts';
import { MISSING, NULL, OUTSIDE_TTL, PRESENT, UNAVAILABLE } from '../../contract/status.ts';
import type { LabelCounts } from '../../contract/training-manifest.ts';
import { hourOf, serviceFolder } from '../../project/archive/archive-layout.ts';
import { servedFolder } from '../../project/archive/archive-place.ts';
import { openHistoryStorage } from '../../project/engine/duckdb/object-storage.ts';
import { pinnedFiles } from '../../project/archive/pinned-files.ts';
import type { PinnedFiles } from '../../project/archive/pinned-files.ts';
import { trainingError } from '../errors.ts';
import { refuseTaken } from '../labels/training-labels.ts';
import type { SetFeatures, SetMaking } from '../set-features.ts';
import {
  answeredFeatures,
  countStates,
  metFiles,
  newestService,
  servedUnder,
  statusColumns,
} from './answered-features.ts';
import type { AnsweredFeature, AnsweredVectors } from './answered-features.ts';
import { endNotes, lackingDays, refuseGaps } from './log-account.ts';
import type { LogSpan } from './log-account.ts';
import { readLogLabels, searchedFolders } from './log-labels.ts';
import type { LogLabels } from './log-labels.ts';
import { logNotes, refuseUnread, unreadLabels } from './log-notes.ts';
import { meetVectors } from './met-vectors.ts';
import { LACKING, NO_VECTOR, ServedBundles, UNDECODED } from './served-bundles.ts';
import { ServedFolder } from './served-folder.ts';

/**
 * @throws TRAIN_LABELS, TRAIN_NO_LOG, TRAIN_LOG, TRAIN_GAPS, TRAIN_MASKED, MON_SERVED, and TRAIN_UNJUDGED where
 *         `strict` asks for it
 */
export async function featuresFromLog(making: SetMaking): Promise<SetFeatures> {
  const { project, duck, options } = making;
  const sought = await readLogLabels(making);
  const { labels, withinUs } = sought;
  const archive = await openArchive(making);
  const span = spanOf(sought);
  project.logger.progress('looking for vectors', 0, 2);
  const folders = await foldersOf(making, archive, sought, span);
  const met = await meetVectors(duck, folders, sought.keys, withinUs);
  // Where every label has its vector, no earlier day can lack one.
  const isWhole = met.labels === met.asked && withinUs === null;
  const looked = isWhole && met.firstUs !== null ? { ...span, fromUs: met.firstUs } : span;
  const gaps = refuseGaps(lackingDays(archive, looked), options.allowGaps === true);
  const unread = await unreadLabels(duck, archive);
  if (options.strict === true) refuseUnread(unread);
  project.logger.progress('looking for vectors', 1, 2);
  const bundles = new ServedBundles(project.settings.bundles, making.bundle, making.service.name);
  const files = await metFiles(duck);
  const roles = rolesOf(making, folders);
  const under = await servedUnder(duck, folders, files, roles);
  const vectors: AnsweredVectors = { duck, folders, files, under, bundles };
  const { bundle, service, taken, masked } = columnsOf(making, vectors);
  const statuses = options.statuses === true ? statusColumns(taken) : [];
  refuseTaken(labels, [...taken.map(({ fullName }) => fullName), ...statuses.map(({ name }) => name)]);
  const features = await answeredFeatures(vectors, taken);
  project.logger.progress('looking for vectors', 2, 2);
  const counts = countsOf(taken, await countStates(duck, taken), unread.labels);
  const others = sought.by === 'request' ? met.others : 0;
  return {
    bundle,
    service,
    labels,
    cap: null,
    features,
    behind: statuses,
    counts,
    as: 'logged',
    views: service.views.map(({ role, view }) => {
      const { definitionId } = bundle.views.get(view)!;
      return { role, view, definitionId, watermarkUs: null, commit: null, entry: null };
    }),
    log: {
      by: sought.by,
      withinUs,
      inForce: making.bundle.hash,
      statuses: options.statuses === true,
      withoutMasked: masked,
      labels: met.labels,
      others,
    },
    notes: [
      ...gaps,
      ...endNotes(archive, looked),
      ...logNotes({
        sought,
        met: { ...met, others },
        unread,
        counts,
        computed: computedOf(service),
        masked,
        lost: bundles.lost,
      }),
    ],
  };
}

async function openArchive({ project, duck, service, scratch }: SetMaking): Promise<PinnedFiles> {
  const { served } = project.settings;
  const place = servedFolder(project.settings);
  await openHistoryStorage(duck, place);
  const archive = await pinnedFiles(place, join(scratch, 'pins'), () => true);
  const name = serviceFolder(service.name, 0).replace(/0$/, '');
  if (archive.files.some(({ folder }) => folder.startsWith(name))) return archive;
  throw trainingError('TRAIN_NO_LOG', `${served} has no vector of ${service.name}`, { file: served });
}

/** The times at which the labels' vectors can have been answered. */
function spanOf({ labels: { firstUs, lastUs }, withinUs }: LogLabels): LogSpan {
  return {
    fromUs: withinUs === null || firstUs === null ? 0 : Math.max(0, firstUs - withinUs),
    toUs: Math.max(0, lastUs ?? 0),
  };
}

async function foldersOf(
  { duck, service }: SetMaking,
  archive: PinnedFiles,
  { by }: LogLabels,
  { fromUs, toUs }: LogSpan,
): Promise<readonly ServedFolder[]> {
  const [first, last] = [hourOf(fromUs), hourOf(toUs)];
  const within = (hour: string): boolean => hour >= first && hour <= last;
  return searchedFolders(
    await ServedFolder.ofService(duck, archive.files, service.name, within),
    by,
    service,
  );
}

function rolesOf({ service }: SetMaking, folders: readonly ServedFolder[]): string[] {
  return [
    ...new Set([...service.views.map(({ role }) => role), ...folders.flatMap((folder) => folder.roles)]),
  ];
}

function computedOf({ features, onDemand }: FeatureService): Set<string> {
  const roles = new Set(onDemand.map(({ role }) => role));
  return new Set(features.filter(({ role }) => roles.has(role)).map(({ fullName }) => fullName));
}

interface SetColumns {
  readonly bundle: Bundle;
  readonly service: FeatureService;
  /** Those that the set gets. */
  readonly taken: readonly AnsweredFeature[];
  /** Full names of those that the log has not. */
  readonly masked: readonly string[];
}

/** @throws TRAIN_MASKED where the log has not all of them, and it is not said to leave these out; TRAIN_LOG */
function columnsOf(making: SetMaking, { under, bundles }: AnsweredVectors): SetColumns {
  const newest = newestService(under, bundles, making.service.name);
  if (newest !== null && newest.found === null) throw unknownVersion(making, newest.version);
  const { bundle, service } = newest?.found ?? making;
  const hashes = under.length === 0 ? [bundle.hash] : [...new Set(under.map((one) => one.bundle))];
  const isMasked = ({ role, feature }: FeatureService['features'][number]): boolean =>
    hashes.some((hash) => (bundles.feature(hash, role, feature)?.log ?? 'raw') !== 'raw');
  const masked = service.features.filter(isMasked).map(({ fullName }) => fullName);
  if (masked.length > 0 && making.options.withoutMasked !== true) {
    const are = masked.length === 1 ? 'is a feature' : 'are features';
    throw trainingError('TRAIN_MASKED', `${masked.join(', ')} ${are} that definitions keep out of the log`, {
      field: masked[0]!,
    });
  }
  const taken = service.features
    .filter(({ fullName }) => !masked.includes(fullName))
    .map((one) => {
      return { ...one, type: usedFeature(one, one.feature, bundle).type };
    });
  return { bundle, service, taken, masked };
}

function unknownVersion({ project, service }: SetMaking, version: number): Error {
  const { bundles } = project.settings;
  return trainingError(
    'TRAIN_LOG',
    `no bundle in ${bundles} has version ${version} of ${service.name}, which answered: its features are not known`,
    { file: bundles, help: 'Put the bundles back that were applied then.' },
  );
}

/** @param unread  labels past what was ingested */
function countsOf(
  features: readonly AnsweredFeature[],
  states: readonly (readonly number[])[],
  unread: number,
): Map<string, LabelCounts> {
  return new Map(
    features.map(({ fullName }, i) => {
      const of = (code: number): number => states[i]![code]!;
      const counts: LabelCounts = {
        present: of(PRESENT),
        nulls: of(NULL),
        missing: of(MISSING),
        outsideTtl: of(OUTSIDE_TTL),
        unjudged: unread,
        notFull: 0,
        log: {
          unavailable: of(UNAVAILABLE),
          noVector: of(NO_VECTOR) - unread,
          lacking: of(LACKING),
          undecoded: of(UNDECODED),
        },
      };
      return [fullName, counts];
    }),
  );
}
