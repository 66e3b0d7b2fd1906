/**
 * The Node that Plumbline runs on: one major, since an answer of Math's may differ between two versions of V8, and no
 * earlier than the first minor with all that is used. Checked before anything else is loaded.
 */
import { registryError } from '../contract/errors.ts';

const MAJOR = 22;
const MINOR = 22;

/**
 * @param version  as `process.versions.node` has it: `22.23.3`
 * @throws         REG_NODE
 */
export function checkNodeVersion(version: string): void {
  const [major, minor] = version.split('.').map(Number) as [number, number];
  if (major === MAJOR && minor >= MINOR) return;
  throw registryError(
    'REG_NODE',
    `Plumbline needs Node ${MAJOR} (${MAJOR}.${MINOR} or later); this is ${version}`,
  );
}
