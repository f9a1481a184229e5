// A DATABASE_URL that may name several servers, as libpq takes it: postgres://user:password@one:5432,two:5432/name. The driver itself
// takes one host only, so a URL is read here, and given on with one of its hosts at a time.                          [pure]
import { isIPv6 } from 'node:net';

/** One server. What is not said is the driver's own default. */
export interface DatabaseHost {
  /** A name, an address, or the folder of a socket. */
  host: string | undefined;
  port: number | undefined;
}

/** Which of the servers may be used: any that answers, one that takes writes, or one that is no standby. */
export const TARGETS = ['any', 'read-write', 'primary'] as const;
export type Target = (typeof TARGETS)[number];

/** What a URL says. */
export interface DatabaseUrl {
  /** In the order in which they are tried; at least one. */
  hosts: readonly DatabaseHost[];
  target: Target;
  /** Milliseconds that one server is given to answer. */
  hostTimeoutMs: number;
  /** The URL with that host alone, as the driver takes it. */
  withHost(host: DatabaseHost): string;
}

const HOST_TIMEOUT_MS = 3000;
/** Parameters that are read here and not by the driver. */
const OURS = ['host', 'port', 'target_session_attrs', 'connect_timeout'];
const FORM = /^(postgres(?:ql)?):\/\/([^/?#\s]*)(\/[^?#]*)?(\?[^#]*)?$/i;

/** A problem of the URL, as the end of a sentence. The URL itself is not repeated: it may hold a password. */
const problem = (what: string): Error => new Error(what);

const readPort = (text: string | undefined): number | undefined => {
  if (text === undefined || text === '') return undefined;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) throw problem('must name ports from 1 to 65535');
  return port;
};

// In brackets: an IPv6 address. With %2F: the folder of a socket.
const readHost = (text: string): DatabaseHost => {
  const [, address, name = '', port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(text) ?? [];
  if (address !== undefined && !isIPv6(address)) throw problem('must name IPv6 addresses in brackets');
  if (address === undefined && (/[[\]]/.test(text) || text.split(':').length > 2)) throw problem('must name IPv6 addresses in brackets');
  return { host: address ?? (name === '' ? undefined : decodeURIComponent(name)), port: readPort(port) };
};

// As parameters: `host=one,two&port=5432,5433`; one port is for all. They win over those of the URL's own place.
const readHosts = (list: string, params: URLSearchParams): DatabaseHost[] => {
  const own = list.split(',').map(readHost);
  const [names, ports] = [params.get('host')?.split(','), params.get('port')?.split(',')];
  const hosts = names?.map((name, index) => ({ host: name === '' ? undefined : name, port: own[index]?.port })) ?? own;
  if (ports === undefined) return hosts;
  if (ports.length !== 1 && ports.length !== hosts.length) throw problem('must name as many ports as hosts, or one for all');
  return hosts.map(({ host, port }, index) => ({ host, port: readPort(ports[ports.length === 1 ? 0 : index]) ?? port }));
};

const readTarget = (text: string | null): Target => {
  if (text === null) return 'any';
  const target = TARGETS.find((one) => one === text);
  if (target === undefined) throw problem(`must have one of ${TARGETS.join(', ')} as its target_session_attrs`);
  return target;
};

// Seconds; none, or 0, which would wait for good: ours.
const readTimeout = (text: string | null): number => {
  if (text === null) return HOST_TIMEOUT_MS;
  if (!/^\d{1,4}$/.test(text)) throw problem('must have whole seconds as its connect_timeout');
  return Number(text) * 1000 || HOST_TIMEOUT_MS;
};

/** Reads a URL. @throws Error whose message completes "DATABASE_URL ...", and does not repeat the URL. */
export const readDatabaseUrl = (url: string): DatabaseUrl => {
  const [, scheme = '', authority = '', path = '', query = ''] = FORM.exec(url) ?? [];
  const at = authority.lastIndexOf('@') + 1;
  const [user, list] = [authority.slice(0, at), authority.slice(at)];
  if (scheme === '' || !URL.canParse(`${scheme}://${user}localhost${path}${query}`)) {
    throw problem('must be a URL that begins with postgres:// or postgresql://');
  }
  const params = new URLSearchParams(query);
  const hosts = readHosts(list, params);
  const target = readTarget(params.get('target_session_attrs'));
  const hostTimeoutMs = readTimeout(params.get('connect_timeout'));
  for (const name of OURS) params.delete(name);
  const withHost = ({ host, port }: DatabaseHost): string => {
    const one = new URLSearchParams(params);
    if (host !== undefined) one.set('host', host);
    if (port !== undefined) one.set('port', String(port));
    // A host of the query wins; one that is not said is left out, so that the driver's own default holds.
    const place = host === undefined ? '' : 'localhost';
    return `${scheme}://${user}${place}${path === '' ? '/' : path}${one.size === 0 ? '' : `?${one}`}`;
  };
  return { hosts, target, hostTimeoutMs, withHost };
};
