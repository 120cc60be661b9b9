/** Begins to connect while the rest of the page is still on its way. */

import { openStream } from './stream/open.js';

openStream()
  .catalogue()
  .catch(() => {
    // The page asks again.
  });
