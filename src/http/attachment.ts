// Files that are written while they are read. A failure breaks the connection, so that nobody takes a part for the whole.
import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** A file and what it is called. `type`: its media type. */
export interface Attachment {
  name: string;
  type: string;
  file: Readable;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Answers with a file. */
    sendAttachment(request: FastifyRequest, reply: FastifyReply, attachment: Attachment): FastifyReply;
  }
}

/** Milliseconds that a stop leaves to files that are being read; then their readers see them break off. */
const GRACE = 3000;

/** Adds `sendAttachment`. A stop does not wait for those who read slowly. */
export const addAttachments = (app: FastifyInstance): void => {
  const open = new Set<Readable>();
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  app.addHook('preClose', async () => {
    timer = setTimeout(() => {
      over = true;
      for (const file of open) file.destroy(new Error('The server stops.'));
    }, GRACE);
  });
  app.addHook('onClose', async () => clearTimeout(timer));
  app.decorate('sendAttachment', (request, reply, { name, type, file }) => {
    // It took longer to begin than a stop waits.
    if (over) {
      file.destroy();
      return reply.code(503).send({ message: 'The server stops.' });
    }
    open.add(file);
    file.once('close', () => open.delete(file));
    reply.type(type).header('content-disposition', `attachment; filename="${name}"`);
    // A HEAD would read the file to its end.
    return reply.send(request.method === 'HEAD' ? file.destroy() : file);
  });
};
