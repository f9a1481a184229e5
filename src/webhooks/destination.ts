// Which addresses a webhook may go to: public ones. Asked for each address that is about to be connected to, after its name
// was resolved, so that a name that changes its mind (rebinding) gains nothing.
import { BlockList, isIP, isIPv4, type LookupFunction } from 'node:net';

/** An address that a name resolves to. */
export interface Resolved {
  address: string;
  family: number;
}

/** Looks a name up. */
export type Resolve = (hostname: string) => Promise<Resolved[]>;

/** The destination is one that webhooks must not reach. */
export class ForbiddenDestination extends Error {
  readonly code = 'FORBIDDEN_DESTINATION';
}

const listOf = (family: 'ipv4' | 'ipv6', ranges: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    list.addSubnet(address, Number(bits), family);
  }
  return list;
};

// Everything in IANA's special-purpose registry that is not globally reachable.
const REFUSED_V4 = listOf('ipv4', [
  '0.0.0.0/8', // "this host"; on Linux another name of loopback
  '10.0.0.0/8',
  '100.64.0.0/10', // carrier-grade NAT, and a cloud's metadata
  '127.0.0.0/8',
  '168.63.129.16/32', // a cloud's metadata behind a public-looking address
  '169.254.0.0/16', // link-local, and most clouds' metadata
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
]);

// Of IPv6 only this is handed out to the public. What lies outside needs no list: loopback, unspecified, unique local, link-local,
// multicast, and those that carry an IPv4 address: mapped (::ffff:0:0/96) and NAT64 (64:ff9b::/96, 64:ff9b:1::/48).
const GLOBAL_V6 = listOf('ipv6', ['2000::/3']);
const REFUSED_V6 = listOf('ipv6', [
  '2001::/23', // Teredo (which carries an IPv4 address), benchmarks, ORCHID
  '2001:db8::/32',
  '2002::/16', // 6to4 carries an IPv4 address
  '3fff::/20',
]);

/** Whether an address is one that anybody on the Internet could reach as well. */
export const isPublicAddress = (address: string): boolean => {
  // A zone (fe80::1%eth0) belongs to a link.
  if (isIP(address) === 0 || address.includes('%')) return false;
  if (isIPv4(address)) return !REFUSED_V4.check(address, 'ipv4');
  return GLOBAL_V6.check(address, 'ipv6') && !REFUSED_V6.check(address, 'ipv6');
};

/** Whether an address may be connected to. */
export type MayReach = (address: string) => boolean;

/**
 * Refuses a URL whose host is an address that may not be reached: no name is looked up for those. URL parsing has written the
 * odd spellings of IPv4 (decimal, octal, hexadecimal, short) as four decimal numbers by then.
 * @throws ForbiddenDestination
 */
export const refuseLiteral = (url: URL, mayReach: MayReach): void => {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !mayReach(host)) throw new ForbiddenDestination('the address may not be reached');
};

/** A lookup for node:http that gives only addresses that may be reached; those it gives are the ones that are connected to. */
export const guardedLookup =
  (resolve: Resolve, mayReach: MayReach): LookupFunction =>
  (hostname, options, callback) => {
    const give = (found: Resolved[]): void => {
      const allowed = found.filter(({ address }) => mayReach(address));
      const [first] = allowed;
      if (first === undefined) callback(new ForbiddenDestination('the name resolves to no address that may be reached'), '', 0);
      else if (options.all) callback(null, allowed);
      else callback(null, first.address, first.family);
    };
    resolve(hostname).then(give, (error: NodeJS.ErrnoException) => callback(error, '', 0));
  };
