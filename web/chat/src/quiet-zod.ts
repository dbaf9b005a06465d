import { config } from "zod/v4/core";

// The schema library tries `new Function` to see whether it may compile checks. The page's content policy forbids that
// and every try would be reported as a violation, so it is told not to. Imported before anything that makes a schema.
config({ jitless: true });
