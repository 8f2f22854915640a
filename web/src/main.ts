/** The page: its parts, put together. */
import { Client } from "./client";
import { startReading } from "./reading/view";
import { offerLanguages } from "./shell/languages";
import { startNavigation } from "./shell/navigation";
import { startOffline } from "./shell/offline";

const client = new Client();

startReading(client);
offerLanguages();
startNavigation();
// What a first reading needs comes first, and an error of it is the reading view's to tell.
void client.load("u4").then(startOffline, () => {});
