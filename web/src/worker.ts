/** The worker that reads is the package's. */
import "nibble-mrz/worker";
