/** The service that a command's `--service` names. */
import { registryError } from '../errors.ts';
import type { Bundle, FeatureService } from '../model.ts';
import { didYouMean } from '../std/did-you-mean.ts';

/** @throws REG_UNKNOWN, which names a service that is nearly called so, or all there are */
export function serviceNamed({ services }: Pick<Bundle, 'services'>, name: string): FeatureService {
  const service = services.get(name);
  if (service !== undefined) return service;
  const known = [...services.keys()];
  const hint = didYouMean(name, known) || `; there are ${known.join(', ') || 'none'}`;
  throw registryError('REG_UNKNOWN', `there is no service ${name}${hint}`, { field: 'service' });
}
