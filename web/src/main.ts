/** The page: its parts, put together. */
import type { Binary } from "nibble";
import { Client } from "./client";
import { startReading } from "./reading/view";
import { offerLanguages } from "./shell/languages";
import { startNavigation } from "./shell/navigation";
import { startOffline } from "./shell/offline";

const binary = new URLSearchParams(location.search).get("binary") as Binary | null;
const client = new Client(binary ?? undefined);

startReading(client);
offerLanguages();
startNavigation();
// What a first reading needs comes first, and an error of it is the reading view's to tell.
void client.load("u4").then(startOffline, () => {});
