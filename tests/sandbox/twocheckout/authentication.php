<?php
// What the vendor's samples require as PATH_TO_AUTH: a function that calls, a session, and the number of the next call.
// Ours, of the shape that docs/protocols/2checkout.md, sections 1 and 2, describes.
declare(strict_types=1);

function call_rpc(array $request): mixed
{
    $curl = curl_init(getenv('RPC_URL'));
    curl_setopt_array($curl, [
        CURLOPT_POST => true,
        CURLOPT_POSTFIELDS => json_encode($request),
        CURLOPT_HTTPHEADER => ['Content-Type: application/json', 'Accept: application/json'],
        CURLOPT_RETURNTRANSFER => true,
    ]);
    $reply = json_decode((string) curl_exec($curl));
    if (!empty($reply->error)) {
        print json_encode(['error' => $reply->error->message]);
        exit;
    }
    return $reply->result;
}

$code = getenv('MERCHANT_CODE');
$date = gmdate('Y-m-d H:i:s');
$algorithm = getenv('ALGORITHM') ?: 'sha256';
$hash = hash_hmac($algorithm, strlen($code) . $code . strlen($date) . $date, getenv('SECRET_KEY'));
$i = 1;
$sessionID = call_rpc([
    'method' => 'login',
    'params' => [$code, $date, $hash, $algorithm],
    'id' => $i++,
    'jsonrpc' => '2.0',
]);
