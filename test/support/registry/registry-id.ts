/** Opens the registry whose URL stands as JSON in its argument, records a training set, prints the registry's id. */
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import type { StoreUrl } from '../../../project/settings/settings.ts';

const url = JSON.parse(process.argv[2]!) as StoreUrl;
await RegistryDatabase.using(url, async (database) => {
  await database.recordTrainingSet({ name: 'set', service: 's', madeUs: process.pid, views: [] } as never);
  process.stdout.write(await database.id());
});
