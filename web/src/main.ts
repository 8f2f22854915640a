/** The page: its parts, put together. */
import type { Binary } from "nibble";
import { Client } from "./client";
import { startReading } from "./reading/view";
import { offerLanguages } from "./shell/languages";
import { startNavigation } from "./shell/navigation";

const binary = new URLSearchParams(location.search).get("binary") as Binary | null;

startReading(new Client(binary ?? undefined));
offerLanguages();
startNavigation();
