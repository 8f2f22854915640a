/** The instance of the module that reads. */
import start, { choose_kernels, restart } from "./engine.js";
import { Instance } from "./instance.js";

export const reading = new Instance({ start, choose_kernels, restart });
