// Wires between a process and what it talks to, PostgreSQL or the carrier, in the test's hand: whatever leaves the process is
// shown before it arrives, and once more when its answer is there. Either can be held, or never come.
import { once } from 'node:events';
import { Agent, createServer as createHttpServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** What becomes of a message. False: it is lost, and the connection with it. */
export interface Handling {
  before?: () => boolean | Promise<boolean>;
  /** When the answer is there, before it is passed on. */
  after?: () => boolean | Promise<boolean>;
}

/** Sees what passes. `connection` tells those of one connection from the others. */
export type Watch = (message: string, connection: number) => Handling | undefined;

/** A wire in use. */
export interface Wire {
  url: string;
  close(): Promise<void>;
}

const listen = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

// A frontend message is a letter, a length that counts itself, and the rest; the very first has no letter.
const LETTER = 1;
const LENGTH = 4;

interface Message {
  letter: string;
  bytes: Buffer;
}

// Cuts a stream into messages; keeps what is not whole yet.
const createCutter = (startsBare: boolean) => {
  let rest: Buffer = Buffer.alloc(0);
  let bare = startsBare;
  return (chunk: Buffer): Message[] => {
    rest = Buffer.concat([rest, chunk]);
    const messages: Message[] = [];
    for (;;) {
      const head = bare ? 0 : LETTER;
      if (rest.length < head + LENGTH) return messages;
      const size = head + rest.readInt32BE(head);
      if (rest.length < size) return messages;
      messages.push({ letter: bare ? '' : String.fromCharCode(rest[0] ?? 0), bytes: rest.subarray(0, size) });
      rest = rest.subarray(size);
      bare = false;
    }
  };
};

// The text of a statement: of a simple query all of it, of a prepared one what follows its name.
const textOf = ({ letter, bytes }: Message): string | undefined => {
  if (letter !== 'Q' && letter !== 'P') return undefined;
  const [first = '', second = ''] = bytes
    .subarray(LETTER + LENGTH)
    .toString('utf8')
    .split('\0', 2);
  return letter === 'Q' ? first : second;
};

// The greeting, the password, the farewell, and the rows of a COPY.
const UNANSWERED = new Set(['', 'p', 'X', 'd', 'c', 'f']);
const QUERY_ENDS = new Set(['Q', 'S']);
const READY = 'Z';

// One connection. The driver sends one statement at a time and waits for the server to be ready again.
const join = (client: Socket, server: Socket, watch: Watch, connection: number, gate: Promise<void>): void => {
  const cutClient = createCutter(true);
  let queue: Promise<unknown> = gate;
  let statement: { text: string; parts: Buffer[] } = { text: '', parts: [] };
  let answer: { cut: ReturnType<typeof createCutter>; parts: Buffer[]; done: () => void } | undefined;
  const end = () => {
    client.destroy();
    server.destroy();
  };

  const pass = async (text: string, bytes: Buffer): Promise<void> => {
    const handling = watch(text, connection);
    if (handling?.before !== undefined && !(await handling.before())) return end();
    if (handling?.after === undefined) {
      server.write(bytes);
      return;
    }
    const parts: Buffer[] = [];
    const answered = new Promise<void>((resolve) => {
      answer = { cut: createCutter(false), parts, done: resolve };
    });
    server.write(bytes);
    await answered;
    answer = undefined;
    if (!(await handling.after())) return end();
    client.write(Buffer.concat(parts));
  };

  client.on('data', (chunk: Buffer) => {
    for (const message of cutClient(chunk)) {
      const { letter, bytes } = message;
      if (UNANSWERED.has(letter)) {
        queue = queue.then(() => server.write(bytes));
        continue;
      }
      statement = { text: textOf(message) ?? statement.text, parts: [...statement.parts, bytes] };
      if (!QUERY_ENDS.has(letter)) continue;
      const { text, parts } = statement;
      statement = { text: '', parts: [] };
      queue = queue.then(() => pass(text, Buffer.concat(parts)));
    }
  });
  server.on('data', (chunk: Buffer) => {
    if (answer === undefined) {
      client.write(chunk);
      return;
    }
    answer.parts.push(chunk);
    if (answer.cut(chunk).some(({ letter }) => letter === READY)) answer.done();
  });
  for (const socket of [client, server]) {
    socket.on('error', end);
    socket.on('close', end);
  }
};

/** A wire to a PostgreSQL server; messages are the texts of statements. Nothing passes before the gate is open. */
export const startPostgresWire = async (target: string, watch: Watch, gate = Promise.resolve()): Promise<Wire> => {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    }
    connections += 1;
    join(client, upstream, watch, connections, gate);
  });
  const url = new URL(target);
  url.port = String(await listen(server));
  return {
    url: url.href,
    close: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};

/** A wire to a carrier process; messages are method and path. */
export const startCarrierWire = async (target: string, watch: Watch): Promise<Wire> => {
  const agent = new Agent({ keepAlive: true });
  const server = createHttpServer(async (incoming, outgoing) => {
    const lose = () => outgoing.destroy();
    try {
      const handling = watch(`${incoming.method} ${(incoming.url ?? '').split('?')[0]}`, 0);
      const body = await buffer(incoming);
      if (handling?.before !== undefined && !(await handling.before())) return lose();
      const { method, url = '', headers } = incoming;
      const asked = httpRequest(new URL(url, target), { method, headers, agent });
      // Who does not wait any longer gives up on the far side, too.
      outgoing.on('close', () => asked.destroy());
      asked.on('error', lose);
      asked.end(body);
      const [answer] = await once(asked, 'response');
      const answered = await buffer(answer);
      if (handling?.after !== undefined && !(await handling.after())) return lose();
      outgoing.writeHead(answer.statusCode, { 'content-type': 'application/json' }).end(answered);
    } catch {
      lose();
    }
  });
  server.keepAliveTimeout = 0;
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
};
