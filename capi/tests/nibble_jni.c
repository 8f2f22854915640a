// The bridge between a program on the JVM (an Android app, say) and the library. It implements the
// native methods of the class `org.example.Digits`, in Java (tests/Digits.java) or in Kotlin.
#include <jni.h>
#include <nibble.h>

// Throws the library's message; the caller returns at once.
static void fail(JNIEnv *env) {
  jclass kind = (*env)->FindClass(env, "java/lang/IllegalStateException");
  if (kind != NULL) (*env)->ThrowNew(env, kind, nibble_last_error());
}

JNIEXPORT jlong JNICALL Java_org_example_Digits_create(JNIEnv *env, jclass self, jbyteArray file) {
  (void)self;
  const jsize length = (*env)->GetArrayLength(env, file);
  jbyte *bytes = (*env)->GetByteArrayElements(env, file, NULL);
  if (bytes == NULL) return 0;
  NibbleNetwork *network = nibble_network_create((const uint8_t *)bytes, (size_t)length);
  (*env)->ReleaseByteArrayElements(env, file, bytes, JNI_ABORT);
  if (network == NULL) fail(env);
  return (jlong)(intptr_t)network;
}

JNIEXPORT jintArray JNICALL Java_org_example_Digits_run(JNIEnv *env, jclass self, jlong handle,
                                                        jbyteArray pixels, jint height,
                                                        jint width) {
  (void)self;
  NibbleNetwork *network = (NibbleNetwork *)(intptr_t)handle;
  const jsize length = (*env)->GetArrayLength(env, pixels);
  jbyte *bytes = (*env)->GetByteArrayElements(env, pixels, NULL);
  if (bytes == NULL) return NULL;
  const NibbleRunInput image = {
      (const uint8_t *)bytes, NULL, (size_t)length, {(size_t)height, (size_t)width}};
  NibbleOutput scores;
  const NibbleStatus ran = nibble_network_run(network, &image, 1);
  (*env)->ReleaseByteArrayElements(env, pixels, bytes, JNI_ABORT);
  if (ran != NIBBLE_STATUS_OK || nibble_network_result(network, 0, &scores) != NIBBLE_STATUS_OK) {
    fail(env);
    return NULL;
  }
  jintArray found = (*env)->NewIntArray(env, (jsize)scores.length);
  if (found != NULL)
    (*env)->SetIntArrayRegion(env, found, 0, (jsize)scores.length, (const jint *)scores.elements);
  return found;
}

JNIEXPORT void JNICALL Java_org_example_Digits_free(JNIEnv *env, jclass self, jlong handle) {
  (void)env, (void)self;
  nibble_network_free((NibbleNetwork *)(intptr_t)handle);
}
