/**
 * The Croissant file beside a training set (mlcommons.org/croissant, version 1.0): which file it is, what its columns
 * are, and what they mean, for tools that load data sets by it.
 *
 *   train.parquet    train.parquet.croissant.json
 */
import { basename } from 'node:path';
import type { Bundle, FeatureService } from '../../contract/model.ts';
import { usedFeature } from '../../contract/on-demand/arguments.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { TrainingManifest } from '../../contract/training-manifest.ts';
import { tableFormat } from '../labels/label-file.ts';
import type { TableFormat } from '../labels/label-file.ts';
import { notWritten } from '../set-file.ts';
import type { SetColumn } from '../set-file.ts';

/** A set, and what its columns are described by. */
interface CroissantSet {
  readonly manifest: TrainingManifest;
  readonly columns: readonly SetColumn[];
  readonly bundle: Bundle;
  readonly service: FeatureService;
}

const CR = 'http://mlcommons.org/croissant/';
const CROISSANT_WORDS =
  'citeAs column equivalentProperty extract field fileProperty fileObject fileSet format includes isLiveDataset jsonPath key md5 parentField ' +
  'path recordSet references regex repeated replace samplingRate separator source subField transform';
/** As the specification gives it. */
const CONTEXT = {
  '@language': 'en',
  '@vocab': 'https://schema.org/',
  ...Object.fromEntries(CROISSANT_WORDS.split(' ').map((name) => [name, `cr:${name}`])),
  conformsTo: 'dct:conformsTo',
  cr: CR,
  dct: 'http://purl.org/dc/terms/',
  rai: `${CR}RAI/`,
  sc: 'https://schema.org/',
  data: { '@id': 'cr:data', '@type': '@json' },
  dataType: { '@id': 'cr:dataType', '@type': '@vocab' },
  examples: { '@id': 'cr:examples', '@type': '@json' },
};

const ENCODINGS: Readonly<Record<TableFormat, string>> = {
  parquet: 'application/x-parquet',
  csv: 'text/csv',
};

const FILE_ID = 'file';
/** What is an id as it stands. Readers take ids for parts of URLs, which blanks, slashes, `..` and `%20` break. */
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

/** @throws TRAIN_OUT */
export function writeCroissant(set: CroissantSet): void {
  const file = `${set.manifest.out.file}.croissant.json`;
  try {
    writeDurably(file, `${JSON.stringify(croissantOf(set), null, 2)}\n`, 0o644);
  } catch (error) {
    throw notWritten(file, error);
  }
}

function croissantOf({ manifest, columns, bundle, service }: CroissantSet): object {
  const { name, madeUs, out, made } = manifest;
  const file = basename(out.file);
  const meanings = meaningsOf(bundle, service);
  return {
    '@context': CONTEXT,
    '@type': 'sc:Dataset',
    conformsTo: `${CR}1.0`,
    name,
    description: descriptionOf(manifest),
    ...(service.owner === null ? {} : { creator: { '@type': 'sc:Organization', name: service.owner } }),
    datePublished: formatTimestamp(madeUs),
    version: `${manifest.serviceVersion}.0.0`,
    sdVersion: made.plumbline,
    distribution: [
      {
        '@type': 'cr:FileObject',
        '@id': FILE_ID,
        name: file,
        contentUrl: file,
        encodingFormat: ENCODINGS[tableFormat(file)],
        sha256: out.sha256,
      },
    ],
    recordSet: [
      {
        '@type': 'cr:RecordSet',
        '@id': 'rows',
        name: 'rows',
        description: 'One row a label, in the order of the labels.',
        field: columns.map((column, i) => fieldOf(column, fieldId(column, i), file, meanings)),
      },
    ],
  };
}

function descriptionOf({ service, serviceVersion, as, labels, out }: TrainingManifest): string {
  const values =
    as === 'logged'
      ? 'as they were answered, by the vector log'
      : as === 'available'
        ? 'as an honest store could have served them at the time of each label'
        : 'as the as-of rule over the whole history gives them at the time of each label';
  return (
    `${out.rows} labels of ${basename(labels.file)} with the features of ${service} v${serviceVersion}, ${values}. ` +
    `Made by plumb train.`
  );
}

/** @returns by the column's name what a feature is said to be */
function meaningsOf(bundle: Bundle, { features }: FeatureService): Map<string, string> {
  return new Map(
    features.flatMap(({ fullName, view, feature }) => {
      const { description } = usedFeature({ view }, feature, bundle);
      return description === null ? [] : [[fullName, description] as const];
    }),
  );
}

/** @returns an id that is no other column's: of a name that is no plain word the column's number makes it */
function fieldId({ name }: SetColumn, i: number): string {
  return `rows/${PLAIN_NAME.test(name) ? name : `~${i}`}`;
}

function fieldOf(
  { name, type }: SetColumn,
  id: string,
  file: string,
  meanings: ReadonlyMap<string, string>,
): object {
  // In CSV a list is a text.
  const isList = type.endsWith('[]') && tableFormat(file) === 'parquet';
  const description = meanings.get(name);
  return {
    '@type': 'cr:Field',
    '@id': id,
    name,
    ...(description === undefined ? {} : { description }),
    dataType: dataTypeOf(isList ? type.slice(0, -2) : type),
    ...(isList ? { repeated: true } : {}),
    source: { fileObject: { '@id': FILE_ID }, extract: { column: name } },
  };
}

/** Croissant has no maps, structs or bytes: those are texts to its readers. */
function dataTypeOf(type: string): string {
  if (type === 'BOOLEAN') return 'sc:Boolean';
  if (/^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(type)) return 'sc:Integer';
  if (/^(FLOAT|DOUBLE|DECIMAL(\(.*\))?)$/.test(type)) return 'sc:Float';
  if (type === 'DATE') return 'sc:Date';
  if (/^TIMESTAMP( WITH TIME ZONE|_[A-Z]+)?$/.test(type)) return 'sc:DateTime';
  return 'sc:Text';
}
