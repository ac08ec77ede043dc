import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Receive webhooks (Standard Webhooks); Java 17 and nothing else:
 * {@code ESIGN_WEBHOOK_SECRETS='whsec_…' java ReceiveWebhooks.java PORT}, two secrets while one is replaced.
 *
 * <p>The signature is over the bytes that came, an id that was seen is dropped, and the answer comes at once.
 */
public final class ReceiveWebhooks {
    private static final Duration TOLERANCE = Duration.ofMinutes(5);
    private static final Set<String> SEEN = ConcurrentHashMap.newKeySet(); // a portal keeps these in its database

    public static void main(String[] args) throws IOException {
        String[] secrets = System.getenv("ESIGN_WEBHOOK_SECRETS").split(" ");
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])), 0);
        server.createContext("/", exchange -> {
            try (exchange) {
                exchange.sendResponseHeaders(take(exchange, secrets) ? 204 : 400, -1);
            }
        });
        server.start();
    }

    private static boolean take(HttpExchange exchange, String[] secrets) throws IOException {
        byte[] body = exchange.getRequestBody().readNBytes(1 << 20);
        String id = exchange.getRequestHeaders().getFirst("webhook-id");
        String timestamp = exchange.getRequestHeaders().getFirst("webhook-timestamp");
        String signatures = exchange.getRequestHeaders().getFirst("webhook-signature");
        if (id == null || timestamp == null || signatures == null || !timestamp.matches("[0-9]{1,12}")) {
            System.out.println("no webhook");
            return false;
        }
        Duration age = Duration.between(Instant.ofEpochSecond(Long.parseLong(timestamp)), Instant.now()).abs();
        ByteArrayOutputStream signed = new ByteArrayOutputStream();
        signed.writeBytes((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
        signed.writeBytes(body);
        boolean known = false;
        for (String secret : secrets) {
            String expected = "v1," + Base64.getEncoder().encodeToString(hmac(secret, signed.toByteArray()));
            for (String given : signatures.split(" ")) {
                known |= MessageDigest.isEqual(expected.getBytes(StandardCharsets.UTF_8), given.getBytes(StandardCharsets.UTF_8));
            }
        }
        if (!known || age.compareTo(TOLERANCE) > 0) {
            System.out.println(known ? "too old" : "not signed");
            return false;
        }
        if (SEEN.add(id)) {
            System.out.println(new String(body, StandardCharsets.UTF_8));
        }
        return true;
    }

    private static byte[] hmac(String secret, byte[] data) throws IOException {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(Base64.getDecoder().decode(secret.replaceFirst("^whsec_", "")), "HmacSHA256"));
            return mac.doFinal(data);
        } catch (GeneralSecurityException e) {
            throw new IOException(e);
        }
    }
}
