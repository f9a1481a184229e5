// What the npm scripts start Node with, so that what is measured is what is used.
import packageJson from '../../package.json' with { type: 'json' };

export const NODE_ARGS = packageJson.scripts.start.split(' ').filter((word) => word.startsWith('--'));
