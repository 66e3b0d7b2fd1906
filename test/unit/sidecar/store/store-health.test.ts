import { describe, expect, test } from 'vitest';
import { StoreHealth } from '../../../../sidecar/store/store-health.ts';

const of = (message: string, code?: string, syscall?: string): Error =>
  Object.assign(new Error(message), { code, syscall });

describe('what became of the store since the start', () => {
  test.each([
    of('WRONGPASS invalid username-password pair or user is disabled.'),
    of('NOAUTH Authentication required.'),
    of("NOPERM this user has no permissions to run the 'hgetall' command"),
    of('self-signed certificate in certificate chain', 'SELF_SIGNED_CERT_IN_CHAIN'),
    of('unable to get local issuer certificate', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'),
    of("Hostname/IP does not match certificate's altnames", 'ERR_TLS_CERT_ALTNAME_INVALID'),
    of('certificate has expired', 'CERT_HAS_EXPIRED'),
    of('wrong version number', 'ERR_SSL_WRONG_VERSION_NUMBER'),
    of("EACCES: permission denied, open '/run/secrets/redis'", 'EACCES', 'open'),
  ])('waiting does not mend: $message', (error) => {
    const health = new StoreHealth();
    health.failed(error);
    expect(health.state(false)).toEqual({
      kind: 'refused',
      reason: error.message,
      saysDown: false,
      isConnected: false,
    });
  });

  test.each([
    of('connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED', 'connect'),
    of('getaddrinfo ENOTFOUND nowhere', 'ENOTFOUND', 'getaddrinfo'),
    of('connect ENOENT /run/redis.sock', 'ENOENT', 'connect'),
    of('LOADING Redis is loading the dataset in memory'),
    of('CLUSTERDOWN Hash slot not served'),
  ])('waiting may mend: $message', (error) => {
    const health = new StoreHealth();
    health.failed(error);
    expect(health.state(false)).toMatchObject({ kind: 'waiting', reason: error.message });
  });

  test('a refusal stays until an answer, and after an answer an outage is only an outage', () => {
    const health = new StoreHealth();
    health.failed(of('WRONGPASS invalid username-password pair'));
    health.failed(of('connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED'));
    expect(health.state(false)).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('WRONGPASS'),
    });
    health.answered();
    expect(health.state(true)).toEqual({ kind: 'read', reason: null, saysDown: false, isConnected: true });
    health.failed(of('WRONGPASS invalid username-password pair'));
    expect(health.state(false)).toEqual({ kind: 'read', reason: null, saysDown: false, isConnected: false });
  });

  test('a store that answers that it is down is no silent one', () => {
    const health = new StoreHealth();
    health.failed(of('connect ECONNREFUSED 127.0.0.1:1'));
    expect(health.state(false).saysDown).toBe(false);
    for (const words of [
      'CLUSTERDOWN Hash slot not served',
      'the cluster says that it is down (cluster_state:fail)',
    ]) {
      health.failed(of(words));
      expect(health.state(false)).toMatchObject({ kind: 'waiting', saysDown: true });
    }
    health.answered();
    expect(health.state(true).saysDown).toBe(false);
  });

  test('of "there is no connection" people are told why', () => {
    const health = new StoreHealth();
    const words = "Stream isn't writeable and enableOfflineQueue options is false";
    expect(health.failed(of(words)).message).toBe('there is no connection to it yet');
    const retries = 'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest"';
    expect(health.failed(of(retries)).message).toBe('there is no connection to it yet');
    expect(health.state(false).reason).toBeNull();
    health.failed(of('connect ECONNREFUSED 127.0.0.1:1'));
    expect(health.failed(of(words)).message).toBe('connect ECONNREFUSED 127.0.0.1:1');
    const wrapped = Object.assign(of('Failed to refresh slots cache.'), {
      lastNodeError: of('NOAUTH needed'),
    });
    expect(health.failed(wrapped).message).toBe('NOAUTH needed');
    expect(health.state(false).kind).toBe('refused');
  });
});
