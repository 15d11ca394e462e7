<?php
// A call of the shape that OkePay's own client sends, and the reply read as that client reads it
// (docs/protocols/okepay.md, sections 1 to 3). Ours: the vendor's classes are not part of this project.
//
// php client.php METHOD MODEL PARAMETERS [ID]     PARAMETERS is a JSON object
declare(strict_types=1);

[, $method, $model, $given] = $argv;
$id = (int) ($argv[4] ?? 0);
$parameters = ($id ? ['id' => $id] : []) + json_decode($given, true) + ['model' => $model];

// Signed as PHP writes a query by itself, and sent as RFC 3986 wants it.
$signature = hash_hmac('sha256', http_build_query($parameters), getenv('SECRET'), true);
$parameters['ApiSignature'] = base64_encode($signature);
$parameters['instance'] = getenv('INSTANCE');
$body = http_build_query($parameters, '', '&', PHP_QUERY_RFC3986);
$address = getenv('API_URL') . "/v1/$model/$id/?";

$curl = curl_init($address . ($method === 'GET' ? $body : 'instance=' . getenv('INSTANCE')));
curl_setopt_array($curl, [
    CURLOPT_CUSTOMREQUEST => $method,
    CURLOPT_USERAGENT => 'okepay-php/1.0.0',
    CURLOPT_RETURNTRANSFER => true,
]);
if ($method !== 'GET') {
    curl_setopt($curl, CURLOPT_POSTFIELDS, $body);
}
$reply = curl_exec($curl);
$status = curl_getinfo($curl, CURLINFO_HTTP_CODE);

// Anything but exactly this content type is no answer of the API.
$isJson = curl_getinfo($curl, CURLINFO_CONTENT_TYPE) === 'application/json';
$answer = $isJson ? json_decode((string) $reply, true) : null;
if (isset($answer['data'])) {
    print json_encode(reset($answer['data']));
} else {
    print json_encode(['error' => $answer['message'] ?? 'Configuration is wrong!', 'code' => $status]);
}
